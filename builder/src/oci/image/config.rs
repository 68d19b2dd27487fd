//! An image's *config* as JSON that is edited in place: all fields of a base image's config are
//! kept, including those that diskette does not know
//! (<https://github.com/opencontainers/image-spec/blob/main/config.md>).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use thiserror::Error;

use super::digest::Digest;
use super::json::match_field;
use super::platform::Platform;
use super::time::Timestamp;

/// Fields of a config, by the object that they are in.
const FIELDS: [(&str, &[&str]); 3] = [
    (
        "",
        &[
            "architecture",
            "config",
            "history",
            "os",
            "os.features",
            "os.version",
            "rootfs",
            "variant",
        ],
    ),
    (
        "/config",
        &[
            "Cmd",
            "Entrypoint",
            "Env",
            "ExposedPorts",
            "Labels",
            "OnBuild",
            "Shell",
            "StopSignal",
            "User",
            "Volumes",
            "WorkingDir",
        ],
    ),
    ("/rootfs", &["diff_ids", "type"]),
];

/// Fails if a config has a key that is a field in another case. One that is not JSON has none.
pub(crate) fn check_keys(config: &[u8]) -> Result<(), String> {
    let config: Value = serde_json::from_slice(config).unwrap_or_default();
    for (object, known) in FIELDS {
        for key in config.pointer(object).and_then(Value::as_object).into_iter().flat_map(Map::keys)
        {
            match_field(key, known)?;
        }
    }
    Ok(())
}

/// Default value of `PATH`; moby/buildkit `util/system/path.go`.
pub(crate) const DEFAULT_PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A config with the layers and history that have been added so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageConfig {
    /// All fields except those that follow.
    image: Map<String, Value>,
    /// The field `config`: settings of containers of the image.
    container: Map<String, Value>,
    history: Vec<Value>,
    diff_ids: Vec<Value>,
}

/// Why a config cannot be parsed.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The config is not a JSON object.
    #[error("the image config cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// A field has another type than it must have.
    #[error("`{0}` in the image config is not {1}")]
    Field(&'static str, &'static str),
}

impl ImageConfig {
    /// Returns the config of an empty image.
    #[must_use]
    pub(crate) fn new(platform: &Platform) -> Self {
        let mut config = Self::default();
        config.set_platform(platform);
        config
    }

    /// Parses the config of an existing image.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, ConfigError> {
        let mut image: Map<String, Value> = serde_json::from_slice(bytes)?;
        let mut rootfs = take_object(&mut image, "rootfs")?;
        let config = Self {
            container: take_object(&mut image, "config")?,
            history: take_list(&mut image, "history")?,
            diff_ids: take_list(&mut rootfs, "diff_ids")?,
            image,
        };
        if config.get("Env").is_some_and(|env| !env.is_array()) {
            return Err(ConfigError::Field("Env", "a list"));
        }
        for name in ["Labels", "ExposedPorts", "Volumes"] {
            if config.get(name).is_some_and(|field| !field.is_object()) {
                return Err(ConfigError::Field(name, "an object"));
            }
        }
        Ok(config)
    }

    /// Sets operating system, architecture and variant.
    pub(crate) fn set_platform(&mut self, platform: &Platform) {
        self.set_image("architecture", json!(platform.architecture));
        self.set_image("os", json!(platform.os));
        self.set_image("variant", json!(platform.variant));
    }

    /// Sets operating system and architecture where the config says none: without them CDI refuses
    /// the image (`validateImagePlatformMatch` in its `pkg/importer/transport.go`).
    pub(crate) fn complete_platform(&mut self, platform: &Platform) {
        let fields = [("os", &platform.os), ("architecture", &platform.architecture)];
        for (name, value) in fields {
            let found = self.image.get(name).and_then(Value::as_str);
            if found.is_none_or(str::is_empty) {
                self.set_image(name, json!(value));
            }
        }
    }

    /// Returns the operating system and architecture that the image is for, if it names both.
    pub(crate) fn platform(&self) -> Option<Platform> {
        let field = |name| self.image.get(name).and_then(Value::as_str);
        format!("{}/{}", field("os")?, field("architecture")?).parse().ok()
    }

    /// Returns a setting of containers, e.g. `Env`, unless it is null.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.container.get(name).filter(|value| !value.is_null())
    }

    /// Returns the names of the settings of containers, and of the author if there is one.
    pub(crate) fn settings(&self) -> impl Iterator<Item = &str> {
        let author = self.image.keys().filter(|name| *name == "author");
        let names = self.container.keys().chain(author).map(String::as_str);
        names.filter(|name| *name == "author" || self.get(name).is_some())
    }

    /// Sets a setting of containers, e.g. `User`; null removes it.
    pub(crate) fn set(&mut self, name: &str, value: Value) {
        set_field(&mut self.container, name, value);
    }

    /// Sets a field of the image itself, e.g. `author`; null removes it.
    pub(crate) fn set_image(&mut self, name: &str, value: Value) {
        set_field(&mut self.image, name, value);
    }

    /// Sets a key in a setting that is an object, e.g. in `ExposedPorts`.
    pub(crate) fn insert(&mut self, field: &str, key: &str, value: Value) {
        let object = self.container.entry(field).or_insert(Value::Null);
        if !object.is_object() {
            *object = json!({});
        }
        object[key] = value;
    }

    /// Returns the environment, in order.
    pub(crate) fn env(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.get("Env").and_then(Value::as_array).into_iter().flatten();
        all.filter_map(Value::as_str).map(|text| text.split_once('=').unwrap_or((text, "")))
    }

    /// Sets an environment variable: in its position if it exists, else after all others.
    pub fn set_env(&mut self, name: &str, value: &str) {
        let index = self.env().position(|(old, _)| old == name);
        let mut env = match self.container.remove("Env") {
            Some(Value::Array(env)) => env,
            _ => Vec::new(),
        };
        // The index above counts only strings.
        env.retain(Value::is_string);
        let text = json!(format!("{name}={value}"));
        match index {
            Some(index) => env[index] = text,
            None => env.push(text),
        }
        self.set("Env", env.into());
    }

    /// Returns the labels.
    pub(crate) fn labels(&self) -> BTreeMap<&str, &str> {
        let labels = self.get("Labels").and_then(Value::as_object).into_iter().flatten();
        labels.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))).collect()
    }

    /// Sets a label.
    pub fn set_label(&mut self, name: &str, value: &str) {
        self.insert("Labels", name, json!(value));
    }

    /// Returns the `diff_ids`, lowest layer first; an element that is not a string is empty.
    pub(crate) fn diff_ids(&self) -> impl Iterator<Item = &str> {
        self.diff_ids.iter().map(|digest| digest.as_str().unwrap_or_default())
    }

    /// Adds an entry to the history, and the `diff_id` of its layer if it has one.
    pub(crate) fn push_history(
        &mut self,
        created: Timestamp,
        created_by: &str,
        layer: Option<Digest>,
    ) {
        let mut entry = json!({
            "created": created.to_string(),
            "created_by": created_by,
            "comment": "diskette",
        });
        match layer {
            Some(diff_id) => self.diff_ids.push(json!(diff_id.to_string())),
            None => entry["empty_layer"] = json!(true),
        }
        self.history.push(entry);
    }

    /// Returns the complete config.
    pub(crate) fn finish(mut self, created: Timestamp) -> Value {
        self.image.insert("created".into(), json!(created.to_string()));
        self.image.insert("config".into(), self.container.into());
        self.image.insert("history".into(), self.history.into());
        let rootfs = json!({ "type": "layers", "diff_ids": self.diff_ids });
        self.image.insert("rootfs".into(), rootfs);
        self.image.into()
    }
}

fn set_field(fields: &mut Map<String, Value>, name: &str, value: Value) {
    if value.is_null() {
        fields.remove(name);
    } else {
        fields.insert(name.into(), value);
    }
}

/// Removes a field that is an object, and returns it; a missing one is empty.
fn take_object(
    fields: &mut Map<String, Value>,
    name: &'static str,
) -> Result<Map<String, Value>, ConfigError> {
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(object)) => Ok(object),
        Some(_) => Err(ConfigError::Field(name, "an object")),
    }
}

/// Removes a field that is a list, and returns it; a missing one is empty.
fn take_list(
    fields: &mut Map<String, Value>,
    name: &'static str,
) -> Result<Vec<Value>, ConfigError> {
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) => Ok(list),
        Some(_) => Err(ConfigError::Field(name, "a list")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: &str, change: impl Fn(&mut ImageConfig), expected: &Value) {
        let mut config = ImageConfig::parse(before.as_bytes()).unwrap();
        change(&mut config);
        assert_eq!(config.finish(Timestamp::default()), *expected, "{before}");
    }

    /// A finished config with these fields.
    fn finished(image: Value, container: Value) -> Value {
        let mut all = json!({
            "created": "1970-01-01T00:00:00Z",
            "history": [],
            "rootfs": { "type": "layers", "diff_ids": [] },
        });
        all["config"] = container;
        if let Value::Object(image) = image {
            all.as_object_mut().unwrap().extend(image);
        }
        all
    }

    #[test]
    fn what_is_not_touched_stays() {
        check(
            r#"{"os":"linux","new":[1,{"a":null}],"config":{"Healthcheck":{"Test":["NONE"]},"X":2}}"#,
            |config| config.set("User", json!("7")),
            &finished(
                json!({"os": "linux", "new": [1, {"a": null}]}),
                json!({"Healthcheck": {"Test": ["NONE"]}, "X": 2, "User": "7"}),
            ),
        );
        check(
            r#"{"history":[{"created_by":"a"}],"rootfs":{"type":"layers","diff_ids":["sha256:1"]}}"#,
            |config| config.push_history(Timestamp::default(), "ENV a=b", None),
            &finished(
                json!({
                    "history": [
                        {"created_by": "a"},
                        {"comment": "diskette", "created": "1970-01-01T00:00:00Z",
                         "created_by": "ENV a=b", "empty_layer": true},
                    ],
                    "rootfs": {"type": "layers", "diff_ids": ["sha256:1"]},
                }),
                json!({}),
            ),
        );
    }

    #[test]
    fn variables_keep_their_place() {
        let env = |config: &mut ImageConfig| {
            config.set_env("B", "3");
            config.set_env("D", "=4");
        };
        let check = |before: &str, expected: Value| {
            check(before, env, &finished(json!({}), json!({ "Env": expected })));
        };
        check(r#"{"config":{"Env":["A=1","B=2","C"]}}"#, json!(["A=1", "B=3", "C", "D==4"]));
        check(r#"{"config":{"Env":["B","BB=1"]}}"#, json!(["B=3", "BB=1", "D==4"]));
        check(r#"{"config":{"Env":null}}"#, json!(["B=3", "D==4"]));
        check(r#"{"config":{"Env":[7,"B=1"]}}"#, json!(["B=3", "D==4"]));
        check(r#"{"config":null}"#, json!(["B=3", "D==4"]));
        check("{}", json!(["B=3", "D==4"]));
    }

    #[test]
    fn a_missing_platform_is_completed() {
        let check = |before: &str, os: &str, architecture: &str| {
            let complete = |config: &mut ImageConfig| {
                config.complete_platform(&"linux/arm64".parse().unwrap());
            };
            let platform = json!({ "os": os, "architecture": architecture });
            check(before, complete, &finished(platform, json!({})));
        };
        check("{}", "linux", "arm64");
        check(r#"{"architecture":"","os":null}"#, "linux", "arm64");
        check(r#"{"architecture":"amd64"}"#, "linux", "amd64");
        check(r#"{"architecture":"s390x","os":"plan9"}"#, "plan9", "s390x");
    }

    #[test]
    fn null_removes_a_field() {
        check(
            r#"{"variant":"v8","config":{"Cmd":["a"],"User":"b","Labels":null}}"#,
            |config| {
                config.set("Cmd", Value::Null);
                config.set_platform(&"linux/amd64".parse().unwrap());
                config.set_label("a", "b");
            },
            &finished(
                json!({"architecture": "amd64", "os": "linux"}),
                json!({"User": "b", "Labels": {"a": "b"}}),
            ),
        );
    }

    #[test]
    fn what_is_not_a_config_is_refused() {
        let check = |bytes: &str, expected: &str| {
            let error = ImageConfig::parse(bytes.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{bytes}: {error}");
        };
        check("", "the image config cannot be read: EOF");
        check("[]", "the image config cannot be read: invalid type");
        check(r#"{"config":[]}"#, "`config` in the image config is not an object");
        check(r#"{"rootfs":7}"#, "`rootfs` in the image config is not an object");
        check(r#"{"rootfs":{"diff_ids":7}}"#, "`diff_ids` in the image config is not a list");
        check(r#"{"history":{}}"#, "`history` in the image config is not a list");
        check(r#"{"config":{"Env":{}}}"#, "`Env` in the image config is not a list");
        check(r#"{"config":{"Labels":[]}}"#, "`Labels` in the image config is not an object");
        check(r#"{"config":{"Volumes":[]}}"#, "`Volumes` in the image config is not an object");
    }

    #[test]
    fn keys_in_another_case_are_refused() {
        let check = |config: &str, expected: Option<(&str, &str)>| {
            let why = |(key, field)| {
                format!("it has a key `{key}`, which some programs read as `{field}`")
            };
            assert_eq!(check_keys(config.as_bytes()).err(), expected.map(why), "{config}");
        };
        check(r#"{"os":"linux","config":{"Env":[],"env":["A=b"]}}"#, Some(("env", "Env")));
        check(r#"{"os":"linux","OS":"windows"}"#, Some(("OS", "os")));
        check(r#"{"Architecture":"arm64"}"#, Some(("Architecture", "architecture")));
        check(r#"{"rootfs":{"diff_ids":[],"Diff_IDs":[]}}"#, Some(("Diff_IDs", "diff_ids")));
        check(r#"{"config":{"Labels":{"ENV":"x","env":"y"}},"id":"x","User":"y"}"#, None);
        check("no JSON", None);
    }
}
