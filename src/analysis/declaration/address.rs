//! The parts of an address in a plan or a template.

/// Returns the length of the module in an address, and the name of the resource without its index.
pub(super) fn split_module(address: &str) -> (usize, &str) {
    let own = match address.rfind("module.") {
        Some(at) => {
            // `module.db[0].aws_db_instance.main`: the module ends before the type.
            let rest = address.get(at + "module.".len()..).unwrap_or_default();
            let mut depth = 0_usize;
            let end = rest.char_indices().find(|(_, it)| {
                match it {
                    '[' => depth += 1,
                    ']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                *it == '.' && depth == 0
            });
            at + "module.".len() + end.map_or(rest.len(), |(end, _)| end + 1)
        }
        None => 0,
    };
    let rest = address.get(own..).unwrap_or_default();
    let name = rest.split_once('.').map_or(rest, |(_, name)| name);
    (own, name.split(['[', '.']).next().unwrap_or(name))
}

/// Returns an address without the keys of instances: `module.a["x.y"].aws_vpc.net[0]` is `module.a.aws_vpc.net`.
pub(super) fn strip_indexes(address: &str) -> String {
    let mut depth = 0_usize;
    let mut stripped = String::new();
    for c in address.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            c if depth == 0 => stripped.push(c),
            _ => {}
        }
    }
    stripped
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
            ("Orders", "", "Orders"),
        ] {
            let (at, found) = split_module(address);
            assert_eq!((&address[..at], found), (module, name), "{address}");
        }
    }
}
