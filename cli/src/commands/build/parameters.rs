//! What was asked for in a build, as its provenance states it.

use std::path::Path;

use clap::ValueEnum;
use diskette_builder::attestation::provenance::BuildParameters;
use diskette_builder::oci::image::digest::Digest;
use diskette_builder::recipe::diagnostic::SourceText;
use serde_json::{Map, Value, json};

use super::BuildArguments;
use super::language::InputLanguage;
use crate::arguments::key_value::KeyValue;

impl BuildArguments {
    /// Returns what was asked for: the spec or the Dockerfile with its digest, and the options that change the image. Values
    /// of build arguments can be secrets, so only their names are stated.
    pub(super) fn parameters(
        &self,
        source: &SourceText,
        language: InputLanguage,
    ) -> BuildParameters {
        let mut external = Map::new();
        if !self.are_disks() {
            let kind = match language {
                InputLanguage::Spec => "spec",
                InputLanguage::Dockerfile => "dockerfile",
            };
            let name = Path::new(&source.name).file_name().unwrap_or_default();
            let digest = Digest::of_bytes(source.text.as_bytes()).to_hex();
            let name = name.to_string_lossy();
            external.insert(kind.into(), json!({ "name": name, "digest": { "sha256": digest } }));
        }
        let options = self.stated_options();
        if !options.is_empty() {
            external.insert("options".into(), options.into());
        }
        BuildParameters { external }
    }

    fn stated_options(&self) -> Map<String, Value> {
        let list = |values: Vec<String>| (!values.is_empty()).then(|| json!(values));
        let pairs = |pairs: &[KeyValue]| {
            list(pairs.iter().map(|pair| format!("{}={}", pair.key, pair.value)).collect())
        };
        let compression = self.convert.and(Some(value_name(&self.convert_compress)));
        let options = [
            ("annotation", list(self.annotation.iter().map(ToString::to_string).collect())),
            ("build-arg", list(self.dockerfile.build_arg_names())),
            ("compression", self.compression.as_ref().map(value_name)),
            ("compression-level", self.compression_level.map(Value::from)),
            ("convert", self.convert.as_ref().map(value_name)),
            ("convert-compress", compression),
            ("discard", self.discard.then_some(Value::Bool(true))),
            ("env", pairs(&self.env)),
            ("format", self.format.as_ref().map(value_name)),
            ("label", pairs(&self.label)),
            ("instancetype", self.disks.instancetype.clone().map(Value::from)),
            ("name", self.disks.name.clone().map(Value::from)),
            ("platform", list(self.platform.clone())),
            ("preference", self.disks.preference.clone().map(Value::from)),
            ("size", self.size.as_ref().map(|size| size.to_string().into())),
            ("subject", self.attach.subject.as_ref().map(|it| it.to_string().into())),
            ("target", self.dockerfile.target.clone().map(Value::from)),
        ];
        let given = options.into_iter().filter_map(|(name, value)| Some((name, value?)));
        given.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

fn value_name(value: &impl ValueEnum) -> Value {
    value.to_possible_value().map_or(Value::Null, |value| value.get_name().into())
}
