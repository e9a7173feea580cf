//! The import graph of `src`, read from the source text: which module names which other.
//!
//! Re-exports are followed, so `crate::model::Gap` is an import of `model::observed`. Comments and unit
//! tests are left out: they may name anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A path of module names: `["report", "table"]`.
type Segments = Vec<String>;

/// Every module of a source tree, and what it imports.
pub struct ImportGraph {
    /// The text of each module without comments and unit tests.
    pub code: BTreeMap<String, String>,
    /// The modules that each module names.
    pub imports: BTreeMap<String, BTreeSet<String>>,
}

impl ImportGraph {
    /// Reads all modules below a `src` folder.
    pub fn read(src: &Path) -> Self {
        let code: BTreeMap<String, String> = rust_files(src)
            .into_iter()
            .map(|file| {
                (
                    module_name(src, &file),
                    strip(&fs::read_to_string(file).unwrap()),
                )
            })
            .collect();
        Self::of_modules(code)
    }

    /// Builds the graph of modules given as name and text.
    pub fn of_modules(code: BTreeMap<String, String>) -> Self {
        let parsed: BTreeMap<&str, Paths> = code
            .iter()
            .map(|(module, text)| (module.as_str(), Paths::parse(module, text, &code)))
            .collect();
        let imports = parsed
            .iter()
            .map(|(module, paths)| {
                let named = paths.used.iter();
                let resolved = named.filter_map(|path| resolve(path, &parsed, 0));
                let others = resolved.filter(|it| it != module);
                ((*module).to_owned(), others.collect())
            })
            .collect();
        ImportGraph { code, imports }
    }

    /// Returns every set of modules that import each other, directly or through others.
    pub fn circles(&self) -> Vec<Vec<String>> {
        let mut circles = Vec::new();
        let mut assigned = BTreeSet::new();
        for module in self.imports.keys() {
            let reachable = self.reachable(module);
            if assigned.contains(module) || !reachable.contains(module) {
                continue;
            }
            let back = |it: &&String| self.reachable(it).contains(module);
            let circle: Vec<String> = reachable.iter().filter(back).cloned().collect();
            assigned.extend(circle.iter().cloned());
            circles.push(circle);
        }
        circles
    }

    fn reachable(&self, module: &str) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        let mut waiting = vec![module.to_owned()];
        while let Some(next) = waiting.pop() {
            for import in self.imports.get(&next).into_iter().flatten() {
                if reached.insert(import.clone()) {
                    waiting.push(import.clone());
                }
            }
        }
        reached
    }
}

/// The paths that a module writes.
struct Paths {
    used: BTreeSet<Segments>,
    reexported: BTreeMap<String, Segments>,
}

impl Paths {
    fn parse(module: &str, text: &str, modules: &BTreeMap<String, String>) -> Self {
        let mut paths = Paths {
            used: BTreeSet::new(),
            reexported: BTreeMap::new(),
        };
        let mut body = String::new();
        let mut statement: Option<(bool, String)> = None;
        for line in text.lines() {
            let trimmed = line.trim_start();
            let is_public = trimmed.starts_with("pub ") || trimmed.starts_with("pub(");
            if statement.is_none() {
                let after_visibility = match is_public {
                    true => trimmed.split_once("use ").map_or("", |(before, _)| before),
                    false => "",
                };
                let starts = trimmed.starts_with("use ")
                    || (is_public && after_visibility.trim_end().ends_with(['b', ')']));
                if starts && trimmed.contains("use ") {
                    let (_, tree) = trimmed.split_once("use ").unwrap();
                    statement = Some((is_public, tree.to_owned()));
                } else {
                    body.push_str(line);
                    body.push('\n');
                }
            } else if let Some((_, tree)) = &mut statement {
                tree.push_str(trimmed);
            }
            if let Some((public, tree)) = statement.take_if(|(_, tree)| tree.ends_with(';')) {
                paths.add_use(module, public, tree.trim_end_matches(';'), modules);
            }
        }
        paths.add_inline(module, &body, modules);
        paths
    }

    fn add_use(
        &mut self,
        module: &str,
        public: bool,
        tree: &str,
        modules: &BTreeMap<String, String>,
    ) {
        for leaf in expand(tree) {
            let Some(path) = absolute(module, &leaf, modules) else {
                continue;
            };
            if public {
                let name = path.last().cloned().unwrap_or_default();
                self.reexported.insert(name, path);
            } else {
                self.used.insert(path);
            }
        }
    }

    /// Adds the paths that are written where they are used: `crate::text::plural(...)`.
    fn add_inline(&mut self, module: &str, body: &str, modules: &BTreeMap<String, String>) {
        let is_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':');
        for word in body.split(|c| !is_path(c)).filter(|it| it.contains("::")) {
            let word = word.trim_matches(':');
            self.used.extend(absolute(module, word, modules));
        }
    }
}

/// Expands `a::{b, c::{d, e}}` into its leaves.
fn expand(tree: &str) -> Vec<String> {
    let Some((prefix, rest)) = tree.split_once('{') else {
        let leaf = tree.split(" as ").next().unwrap_or_default().trim();
        return vec![leaf.to_owned()];
    };
    let inner = rest.rsplit_once('}').map_or(rest, |(inner, _)| inner);
    let mut leaves = Vec::new();
    let (mut depth, mut start) = (0, 0);
    let ends = inner.char_indices().chain([(inner.len(), ',')]);
    for (at, c) in ends {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let part = inner[start..at].trim();
                if !part.is_empty() {
                    let part = format!("{}{part}", prefix.trim());
                    leaves.extend(expand(&part));
                }
                start = at + 1;
            }
            _ => {}
        }
    }
    leaves
}

/// Makes a path absolute; none where it starts in another crate.
fn absolute(module: &str, path: &str, modules: &BTreeMap<String, String>) -> Option<Segments> {
    let own = || module.split("::").map(str::to_owned);
    let mut parts: Vec<&str> = path.split("::").collect();
    let mut base: Segments = match parts[0] {
        "crate" => {
            parts.remove(0);
            Vec::new()
        }
        "self" => {
            parts.remove(0);
            own().collect()
        }
        "super" => own().collect(),
        first => {
            let child = format!("{module}::{first}");
            if !modules.contains_key(&child) {
                return None;
            }
            own().collect()
        }
    };
    while parts.first() == Some(&"super") {
        parts.remove(0);
        base.pop();
    }
    base.extend(parts.into_iter().map(str::to_owned));
    Some(base)
}

/// Returns the module that a path leads to, through re-exports.
fn resolve(path: &Segments, modules: &BTreeMap<&str, Paths>, depth: usize) -> Option<String> {
    for end in (1..=path.len()).rev() {
        let module = path[..end].join("::");
        let Some(paths) = modules.get(module.as_str()) else {
            continue;
        };
        let reexport = path.get(end).and_then(|name| paths.reexported.get(name));
        return match reexport {
            Some(target) if depth < 8 => {
                let mut target = target.clone();
                target.extend_from_slice(&path[end + 1..]);
                resolve(&target, modules, depth + 1)
            }
            _ => Some(module),
        };
    }
    None
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn module_name(src: &Path, file: &Path) -> String {
    let relative = file.strip_prefix(src).unwrap().with_extension("");
    let parts = relative.iter().map(|part| part.to_str().unwrap());
    parts.collect::<Vec<_>>().join("::")
}

/// Code without its comments and its unit tests.
fn strip(text: &str) -> String {
    let own = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let lines = own
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}
