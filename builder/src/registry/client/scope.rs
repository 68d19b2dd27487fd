//! A *scope* says what a token is for: actions on repositories
//! (<https://distribution.github.io/distribution/spec/auth/scope/>).

use std::collections::{BTreeMap, BTreeSet};

/// What a token is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scope(BTreeMap<String, BTreeSet<String>>);

impl Scope {
    /// Returns the scope that reads a repository.
    pub(crate) fn pull(repository: &str) -> Self {
        Self::parse(&format!("repository:{repository}:pull"))
    }

    /// Returns the scope that writes to a repository.
    pub(crate) fn push(repository: &str) -> Self {
        Self::parse(&format!("repository:{repository}:pull,push"))
    }

    /// Parses scopes between spaces; what makes no sense is left out.
    pub(crate) fn parse(text: &str) -> Self {
        let mut scope = Self::default();
        for part in text.split_ascii_whitespace() {
            if let Some((resource, actions)) = part.rsplit_once(':') {
                let actions = actions.split(',').map(str::to_owned);
                scope.0.entry(resource.to_owned()).or_default().extend(actions);
            }
        }
        scope
    }

    /// Returns both scopes as one.
    #[must_use]
    pub(crate) fn and(&self, other: &Self) -> Self {
        let mut both = self.clone();
        for (resource, actions) in &other.0 {
            both.0.entry(resource.clone()).or_default().extend(actions.iter().cloned());
        }
        both
    }

    /// Returns the scopes one by one, as requests for tokens have them.
    pub(crate) fn parts(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(resource, actions)| {
            let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
            format!("{resource}:{}", actions.join(","))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_join() {
        let check = |scope: Scope, expected: &str| {
            assert_eq!(scope.parts().collect::<Vec<_>>().join(" "), expected);
        };
        check(Scope::pull("a/b"), "repository:a/b:pull");
        check(Scope::push("a"), "repository:a:pull,push");
        check(Scope::push("a").and(&Scope::pull("b")), "repository:a:pull,push repository:b:pull");
        check(Scope::pull("a").and(&Scope::push("a")), "repository:a:pull,push");
        check(
            Scope::parse("repository:a:delete registry:catalog:*  x"),
            "registry:catalog:* repository:a:delete",
        );
    }
}
