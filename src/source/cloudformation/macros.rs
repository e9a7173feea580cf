//! Macros of a template.

use super::node::{Mark, Node, Value};

/// Macros that add nothing that is checked here, or only what is read from their input.
///
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-reference.html>.
const KNOWN_MACROS: [&str; 6] = [
    "AWS::CodeDeployBlueGreen",
    "AWS::CodeStar",
    "AWS::LanguageExtensions",
    "AWS::SecretsManager-2020-07-23",
    "AWS::SecretsManager-2024-09-16",
    "AWS::Serverless-2016-10-31",
];

/// Returns the macros of a `Transform` section that may add or change resources, each with its place.
pub(super) fn list_unknown_macros(transform: Option<&Node>) -> Vec<(Mark, &str)> {
    let listed = transform.map_or(&[][..], |it| match &it.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(it),
    });
    let named = listed.iter().map(|node| {
        let name = node
            .text()
            .or_else(|| node.get("Name").and_then(Node::text));
        (node.at, name.unwrap_or("without a name"))
    });
    named
        .filter(|(_, name)| !KNOWN_MACROS.contains(name))
        .collect()
}
