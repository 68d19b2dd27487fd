//! A *policy* says what is required of images, by where they are: a `policy.json`
//! (<https://github.com/containers/image/blob/main/docs/containers-policy.json.5.md>).

mod requirement;
mod scope;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use self::requirement::PolicyRequirement;
pub use self::requirement::ReadKey;
pub use self::scope::PolicyScope;
use self::scope::check_scope;
use super::check::Requirement;

/// The content of a `policy.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustPolicy {
    default: Requirements,
    #[serde(default)]
    transports: UniqueMap<UniqueMap<Requirements>>,
}

/// Requirements, of which there is at least one.
#[derive(Debug)]
struct Requirements(Vec<PolicyRequirement>);

/// A map in which no key stands twice: of two requirements for one scope, one would be lost.
#[derive(Debug)]
struct UniqueMap<T>(BTreeMap<String, T>);

impl TrustPolicy {
    /// Parses a policy; the error says what is wrong with it.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let policy: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        for (transport, scopes) in &policy.transports.0 {
            scopes.0.keys().try_for_each(|scope| check_scope(transport, scope))?;
        }
        let mut others = policy.transports.0.values().flat_map(|scopes| scopes.0.values());
        others.try_for_each(Requirements::check)?;
        policy.default.check()?;
        Ok(policy)
    }

    /// Returns what is required of the images of a scope. `read` reads the file of a key; the error names the file.
    pub fn find_requirements(
        &self,
        scope: &PolicyScope,
        read: &ReadKey<'_>,
    ) -> Result<Vec<Requirement>, String> {
        let transport = self.transports.0.get(scope.transport());
        let found = transport.and_then(|it| scope.names().find_map(|name| it.0.get(&name)));
        let Requirements(found) = found.unwrap_or(&self.default);
        found.iter().map(|requirement| requirement.resolve(read)).collect()
    }
}

impl Requirements {
    fn check(&self) -> Result<(), String> {
        self.0.iter().try_for_each(PolicyRequirement::check)
    }
}

impl<'de> Deserialize<'de> for Requirements {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let all = Vec::<PolicyRequirement>::deserialize(deserializer)?;
        if all.is_empty() {
            return Err(D::Error::custom(
                "a list of requirements is empty: write `reject` or `insecureAcceptAnything`",
            ));
        }
        Ok(Self(all))
    }
}

impl<T> Default for UniqueMap<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for UniqueMap<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MapVisitor<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for MapVisitor<T> {
            type Value = UniqueMap<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut all = BTreeMap::new();
                while let Some(key) = map.next_key::<String>()? {
                    let value = map.next_value()?;
                    if all.insert(key.clone(), value).is_some() {
                        return Err(A::Error::custom(format!(
                            "duplicate key `{}`",
                            key.escape_debug()
                        )));
                    }
                }
                Ok(UniqueMap(all))
            }
        }
        deserializer.deserialize_map(MapVisitor(std::marker::PhantomData))
    }
}
