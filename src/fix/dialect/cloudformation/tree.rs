//! Lines of YAML by their indentation, so that several changes of one mapping become one mapping.

/// A mapping or a list.
#[derive(Debug, Default)]
pub(super) struct Tree {
    branches: Vec<Branch>,
}

/// A line with the lines that are indented below it.
#[derive(Debug)]
struct Branch {
    text: String,
    /// How much further than the line above it is indented.
    indent: usize,
    below: Tree,
}

impl Tree {
    /// Adds lines: what is below a line that is there already is added to what is below that.
    pub(super) fn add_lines(&mut self, lines: impl IntoIterator<Item = String>) {
        let lines: Vec<String> = lines.into_iter().collect();
        let lines: Vec<(usize, &str)> = lines
            .iter()
            .map(|line| {
                let text = line.trim_start();
                (line.len() - text.len(), text)
            })
            .collect();
        self.add_indented(&lines, 0);
    }

    fn add_indented(&mut self, mut lines: &[(usize, &str)], outer: usize) {
        while let Some(((indent, text), rest)) = lines.split_first() {
            let end = rest.iter().position(|(it, _)| it <= indent);
            let (below, after) = rest.split_at(end.unwrap_or(rest.len()));
            let known = self.branches.iter().position(|it| is_same(&it.text, text));
            let at = known.unwrap_or_else(|| {
                self.branches.push(Branch {
                    text: (*text).to_owned(),
                    indent: indent - outer,
                    below: Tree::default(),
                });
                self.branches.len() - 1
            });
            self.branches[at].below.add_indented(below, *indent);
            lines = after;
        }
    }

    /// Returns all lines.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        self.list_lines(0, &mut lines);
        lines
    }

    fn list_lines(&self, outer: usize, lines: &mut Vec<String>) {
        for branch in &self.branches {
            let indent = outer + branch.indent;
            lines.push(format!("{}{}", " ".repeat(indent), branch.text));
            branch.below.list_lines(indent, lines);
        }
    }
}

/// Whether two lines are the same item of a list, or have the same key of a mapping, which can be there only once.
fn is_same(one: &str, other: &str) -> bool {
    let key = |text: &str| match text.starts_with("- ") {
        true => text.to_owned(),
        false => text
            .split(": ")
            .next()
            .unwrap_or(text)
            .trim_end_matches(':')
            .to_owned(),
    };
    key(one) == key(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merge(parts: &[&str]) -> String {
        let mut tree = Tree::default();
        for part in parts {
            tree.add_lines(part.lines().map(str::to_owned));
        }
        tree.lines().join("\n")
    }

    #[test]
    fn changes_of_one_mapping_are_one_mapping() {
        let first =
            "Resources:\n  I:\n    Devices:\n      - Name: a\n        Ebs:\n          Key: k";
        let second =
            "Resources:\n  I:\n    Devices:\n      - Name: b\n        Ebs:\n          Key: k";
        assert_eq!(
            merge(&[first, second, first]),
            format!("{first}\n      - Name: b\n        Ebs:\n          Key: k")
        );
        assert_eq!(
            merge(&["A:\n  K: 1", "A:\n  K: 2\n  L: 3"]),
            "A:\n  K: 1\n  L: 3"
        );
    }

    #[test]
    fn the_indentation_of_a_list_in_a_list_stays() {
        let text = "Rules:\n  - Default:\n      Key: k\n    Other: o";
        assert_eq!(merge(&[text, text]), text);
    }
}
