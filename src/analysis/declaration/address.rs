//! The parts of an address in a plan or a template.

/// Returns the parts of an address between dots, with their offsets. The key of an instance is of the part in front of it,
/// and may contain dots, brackets and escaped quotes.
fn split_parts(address: &str) -> Vec<(usize, &str)> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut in_key, mut in_quotes, mut is_escaped) = (false, false, false);
    for (at, c) in address.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if in_quotes => is_escaped = true,
            '"' => in_quotes = !in_quotes,
            _ if in_quotes => {}
            '[' => in_key = true,
            ']' => in_key = false,
            '.' if !in_key => {
                parts.push((start, &address[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push((start, &address[start..]));
    parts
}

/// Returns a part without the key of an instance.
fn strip_index(part: &str) -> &str {
    part.split('[').next().unwrap_or(part)
}

/// Returns the length of the module in an address, and the name of the resource without its index.
pub(super) fn split_module(address: &str) -> (usize, &str) {
    let parts = split_parts(address);
    let mut own = parts.as_slice();
    while let [(_, "module"), _, inner @ ..] = own {
        own = inner;
    }
    let start = own.first().map_or(address.len(), |(start, _)| *start);
    let name = own.get(1).or(own.first()).map_or("", |(_, name)| *name);
    (start, strip_index(name))
}

/// Returns an address without the keys of instances: `module.a["x.y"].aws_vpc.net[0]` is `module.a.aws_vpc.net`.
pub(super) fn strip_indexes(address: &str) -> String {
    let parts = split_parts(address).into_iter();
    let names: Vec<&str> = parts.map(|(_, part)| strip_index(part)).collect();
    names.join(".")
}

/// Returns the logical id of a resource in its own template: in front of it are the stacks that contain it.
pub(super) fn own_id(address: &str) -> &str {
    address.rsplit('/').next().unwrap_or(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_split_behind_its_modules() {
        for (address, module, name) in [
            ("aws_db_instance.main", "", "main"),
            ("aws_db_instance.main[\"a.b\"]", "", "main"),
            ("module.db.aws_db_instance.main[0]", "module.db.", "main"),
            (
                "module.a[\"x.y\"].module.b[0].aws_vpc.net",
                "module.a[\"x.y\"].module.b[0].",
                "net",
            ),
            ("aws_vpc.net[\"module.a]\\\"[.b\"]", "", "net"),
            ("Orders", "", "Orders"),
        ] {
            let (at, found) = split_module(address);
            assert_eq!((&address[..at], found), (module, name), "{address}");
        }
    }
    #[test]
    fn an_address_without_keys_is_that_of_the_declaration() {
        for (address, stripped) in [
            ("aws_vpc.net", "aws_vpc.net"),
            ("module.a[\"x.y\"].aws_vpc.net[0]", "module.a.aws_vpc.net"),
            ("aws_vpc.net[\"a]\\\"[.b\"]", "aws_vpc.net"),
        ] {
            assert_eq!(strip_indexes(address), stripped);
        }
    }
}
