//! The *modules* of a crate as its files show them, and which of them uses which.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::paths::{NamedPath, named_paths};

/// Where a module stands, e.g. `["oci", "image"]`; the root has no parts.
pub(crate) type ModulePath = Vec<String>;

/// All modules of a crate.
pub(crate) struct Modules {
    paths: BTreeMap<ModulePath, Vec<NamedPath>>,
}

impl Modules {
    /// Reads the files below a directory; tests are left out.
    pub(crate) fn read(directory: &Path) -> Self {
        let mut modules = Self { paths: BTreeMap::new() };
        modules.collect(directory, &[]);
        modules
    }

    fn collect(&mut self, directory: &Path, parent: &[String]) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap().to_owned();
            if stem.starts_with("test") {
                continue;
            }
            let module = match stem.as_str() {
                "lib" | "main" | "mod" => parent.to_vec(),
                _ => [parent, &[stem]].concat(),
            };
            if path.is_dir() {
                self.collect(&path, &module);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                self.paths.entry(module).or_default().extend(named_paths(&text));
            }
        }
    }

    /// Returns the names of the modules that stand directly in one.
    pub(crate) fn children(&self, parent: &[String]) -> BTreeSet<&str> {
        let below = self.paths.keys().filter(|module| module.starts_with(parent));
        below.filter_map(|module| module.get(parent.len())).map(String::as_str).collect()
    }

    /// Returns all modules.
    pub(crate) fn all(&self) -> impl Iterator<Item = &ModulePath> {
        self.paths.keys()
    }

    /// Returns every use of one module by another; those of its parents and children by a module too.
    pub(crate) fn arrows(&self) -> BTreeSet<(ModulePath, ModulePath)> {
        let mut arrows = BTreeSet::new();
        for (module, paths) in &self.paths {
            let targets = paths.iter().filter_map(|path| self.resolve(module, &path.segments, 0));
            arrows.extend(targets.filter(|to| to != module).map(|to| (module.clone(), to)));
        }
        arrows
    }

    /// Returns the module that has what a path names, looking through re-exports.
    fn resolve(&self, from: &[String], segments: &[String], depth: usize) -> Option<ModulePath> {
        let mut module = from.to_vec();
        for (at, segment) in segments.iter().enumerate() {
            match segment.as_str() {
                "crate" if at == 0 => module.clear(),
                "self" if at == 0 => {}
                "super" => {
                    module.pop()?;
                }
                name => {
                    let child = [&module[..], &[name.to_owned()]].concat();
                    if self.paths.keys().any(|known| known.starts_with(&child)) {
                        module = child;
                        continue;
                    }
                    if at == 0 {
                        return None;
                    }
                    let reexport = self.paths.get(&module).into_iter().flatten();
                    let reexport = reexport.filter(|path| path.is_reexport && depth < 8);
                    let mut reexport = reexport.filter(|path| path.name == name);
                    let through =
                        reexport.find_map(|path| self.resolve(&module, &path.segments, depth + 1));
                    return Some(through.unwrap_or(module));
                }
            }
        }
        Some(module)
    }

    /// Returns the circles among the children of each module: modules that use each other, directly or
    /// through others beside them.
    pub(crate) fn circles(&self) -> Vec<String> {
        let arrows = self.arrows();
        let parents: BTreeSet<&[String]> =
            self.all().flat_map(|module| (0..=module.len()).map(|len| &module[..len])).collect();
        parents.into_iter().flat_map(|parent| circles(parent, &arrows)).collect()
    }
}

fn circles(parent: &[String], arrows: &BTreeSet<(ModulePath, ModulePath)>) -> Vec<String> {
    let child =
        |module: &ModulePath| module.strip_prefix(parent).and_then(|rest| rest.first()).cloned();
    let uses: BTreeSet<(String, String)> = arrows
        .iter()
        .filter_map(|(from, to)| Some((child(from)?, child(to)?)))
        .filter(|(from, to)| from != to)
        .collect();
    let reach = |start: &String| {
        let mut seen = BTreeSet::new();
        let mut todo = vec![start];
        while let Some(at) = todo.pop() {
            let next = uses.iter().filter(|(from, _)| from == at).map(|(_, to)| to);
            todo.extend(next.filter(|to| seen.insert((*to).clone())));
        }
        seen
    };
    let names: BTreeSet<&String> = uses.iter().map(|(from, _)| from).collect();
    let reached: BTreeMap<&String, BTreeSet<String>> =
        names.into_iter().map(|name| (name, reach(name))).collect();
    let mut found = BTreeSet::new();
    for (name, reach) in &reached {
        let circle: Vec<&str> = reached
            .iter()
            .filter(|(other, back)| reach.contains(**other) && back.contains(*name))
            .map(|(other, _)| other.as_str())
            .collect();
        if circle.len() > 1 {
            found.insert(format!("{}::{{{}}}", parent.join("::"), circle.join(", ")));
        }
    }
    found.into_iter().collect()
}
