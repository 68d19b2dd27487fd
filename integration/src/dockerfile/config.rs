//! The **config** of an image: the fields that a Dockerfile decides, in a normal form.

use std::collections::BTreeMap;

use serde_json::Value;

/// Compared fields besides those of `config`.
const OUTER: [&str; 4] = ["architecture", "os", "variant", "author"];

/// Compared fields of `config`.
const INNER: [&str; 12] = [
    "User",
    "ExposedPorts",
    "Env",
    "Entrypoint",
    "Cmd",
    "Volumes",
    "WorkingDir",
    "Labels",
    "StopSignal",
    "Healthcheck",
    "Shell",
    "OnBuild",
];

/// Values that mean the same as no value, and values that a builder adds: the field, the value, and why
/// it is removed. Empty values are removed, too.
const NORMAL: [(&str, Normal, &str); 3] = [
    ("Labels", Normal::Key("io.buildah.version"), "buildah signs its work"),
    ("Shell", Normal::Whole(r#"["/bin/sh","-c"]"#), "the default, in words"),
    ("WorkingDir", Normal::Whole(r#""/""#), "the default; BuildKit says it, buildah does not"),
];

#[derive(Debug, Clone, Copy)]
enum Normal {
    /// The field, if it has this value.
    Whole(&'static str),
    /// This key of the field, which is a map.
    Key(&'static str),
}

/// Fields and their values, without empty ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    fields: BTreeMap<String, Value>,
}

impl Config {
    /// Returns the compared fields of a config document.
    pub fn of(document: &Value) -> Self {
        let inner = INNER.iter().map(|name| (name, &document["config"][name]));
        let outer = OUTER.iter().map(|name| (name, &document[name]));
        let mut config = Self::default();
        for (name, value) in outer.chain(inner) {
            config.set(name, value.clone());
        }
        config
    }

    /// Changes fields; `null` removes one.
    pub fn apply(&mut self, fields: &[(String, Value)]) -> Result<(), String> {
        for (name, value) in fields {
            if !OUTER.iter().chain(&INNER).any(|known| known == name) {
                return Err(format!("no field of the config is called {name:?}"));
            }
            self.set(name, value.clone());
        }
        Ok(())
    }

    fn set(&mut self, name: &str, mut value: Value) {
        for (_, normal, _) in NORMAL.iter().filter(|(field, ..)| *field == name) {
            normal.remove_from(&mut value);
        }
        if is_empty(&value) {
            self.fields.remove(name);
        } else {
            self.fields.insert(name.to_owned(), value);
        }
    }

    /// Returns the changes that make this config from another one.
    pub fn since(&self, lower: &Self) -> Vec<(String, Value)> {
        let gone = lower.fields.keys().filter(|name| !self.fields.contains_key(*name));
        let gone = gone.map(|name| (name.clone(), Value::Null));
        let set =
            self.fields.iter().filter(|(name, value)| lower.fields.get(*name) != Some(*value));
        gone.chain(set.map(|(name, value)| (name.clone(), value.clone()))).collect()
    }

    /// Returns all differences from the expected config, each as its name and a description.
    pub fn differences(&self, expected: &Self) -> Vec<(String, String)> {
        let names = self.since(expected).into_iter().map(|(name, _)| name);
        let value = |config: &Self, name: &str| {
            config.fields.get(name).map_or("nothing".to_owned(), Value::to_string)
        };
        let how = |name: &str| format!("{}, expected {}", value(self, name), value(expected, name));
        names.map(|name| (format!("config.{name}"), how(&name))).collect()
    }
}

impl Normal {
    fn remove_from(self, value: &mut Value) {
        match (self, value) {
            (Self::Whole(usual), value) if is_json(value, usual) => *value = Value::Null,
            (Self::Key(key), Value::Object(map)) => drop(map.remove(key)),
            _ => {}
        }
    }
}

fn is_json(value: &Value, json: &str) -> bool {
    serde_json::from_str::<Value>(json).is_ok_and(|other| other == *value)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config(inner: &Value) -> Config {
        Config::of(&json!({ "architecture": "amd64", "os": "linux", "config": inner }))
    }

    #[test]
    fn what_is_usual_is_left_out() {
        let usual = json!({
            "Env": ["A=b"], "Labels": {"io.buildah.version": "1"}, "Cmd": null, "User": "",
            "WorkingDir": "/", "Shell": ["/bin/sh", "-c"], "Volumes": {}, "Hostname": "x",
        });
        assert_eq!(config(&usual), config(&json!({ "Env": ["A=b"] })));
    }

    #[test]
    fn every_field_is_compared() {
        let (some, more) = (json!(["b", "a"]), json!(["a", "b"]));
        for name in INNER {
            let (ours, theirs) = (config(&json!({ name: some })), config(&json!({ name: more })));
            let how = r#"["b","a"], expected ["a","b"]"#;
            assert_eq!(ours.differences(&theirs), [(format!("config.{name}"), how.to_owned())]);
            let (nothing, what) = (config(&json!({})), format!("config.{name}"));
            let how = r#"nothing, expected ["a","b"]"#;
            assert_eq!(nothing.differences(&theirs), [(what.clone(), how.to_owned())]);
            let how = r#"["a","b"], expected nothing"#;
            assert_eq!(theirs.differences(&nothing), [(what, how.to_owned())]);
        }
        for name in OUTER {
            let (ours, theirs) = (json!({ name: "a" }), json!({ name: "b" }));
            let differences = Config::of(&ours).differences(&Config::of(&theirs));
            let how = r#""a", expected "b""#;
            assert_eq!(differences, [(format!("config.{name}"), how.to_owned())]);
        }
    }

    #[test]
    fn a_change_makes_the_upper_of_the_lower_config() {
        let lower = config(&json!({ "User": "a", "Cmd": ["x"] }));
        let upper = config(&json!({ "User": "b", "Env": ["A=b"] }));
        let fields = upper.since(&lower);
        let changes: Vec<_> =
            fields.iter().map(|(name, value)| format!("{name} {value}")).collect();
        assert_eq!(changes, ["Cmd null", "Env [\"A=b\"]", "User \"b\""]);
        let mut made = lower;
        made.apply(&fields).unwrap();
        assert_eq!(made, upper);
    }

    #[test]
    fn a_field_that_no_config_has_is_refused() {
        let refused = Config::default().apply(&[("user".to_owned(), json!("a"))]).unwrap_err();
        assert_eq!(refused, "no field of the config is called \"user\"");
    }
}
