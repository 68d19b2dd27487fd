//! A *scope* lists what a token allows: actions on repositories
//! (<https://distribution.github.io/distribution/spec/auth/scope/>).

use std::collections::{BTreeMap, BTreeSet};

/// The actions that a token allows, by resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TokenScope(BTreeMap<String, BTreeSet<String>>);

impl TokenScope {
    /// Returns the scope for reading a repository.
    pub(crate) fn pull(repository: &str) -> Self {
        Self::parse(&format!("repository:{repository}:pull"))
    }

    /// Returns the scope for writing to a repository.
    pub(crate) fn push(repository: &str) -> Self {
        Self::parse(&format!("repository:{repository}:pull,push"))
    }

    /// Returns the scope for deleting images of a repository.
    pub(crate) fn delete(repository: &str) -> Self {
        Self::parse(&format!("repository:{repository}:delete,pull"))
    }

    /// Parses scopes that are separated by spaces; invalid ones are ignored.
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

    /// Returns the scope that allows what either of the two allows.
    #[must_use]
    pub(crate) fn union(&self, other: &Self) -> Self {
        let mut both = self.clone();
        for (resource, actions) in &other.0 {
            both.0.entry(resource.clone()).or_default().extend(actions.iter().cloned());
        }
        both
    }

    /// Returns one scope for each resource, as `scope` parameters of token requests have them.
    pub(crate) fn resource_scopes(&self) -> impl Iterator<Item = String> {
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
        let check = |scope: TokenScope, expected: &str| {
            assert_eq!(scope.resource_scopes().collect::<Vec<_>>().join(" "), expected);
        };
        check(TokenScope::pull("a/b"), "repository:a/b:pull");
        check(TokenScope::push("a"), "repository:a:pull,push");
        check(TokenScope::delete("a"), "repository:a:delete,pull");
        check(
            TokenScope::push("a").union(&TokenScope::pull("b")),
            "repository:a:pull,push repository:b:pull",
        );
        check(TokenScope::pull("a").union(&TokenScope::push("a")), "repository:a:pull,push");
        check(
            TokenScope::parse("repository:a:delete registry:catalog:*  x"),
            "registry:catalog:* repository:a:delete",
        );
    }
}
