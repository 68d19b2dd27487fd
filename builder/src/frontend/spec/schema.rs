//! The *schema* is the JSON Schema of a spec, generated from its types, for editors and linters.

use schemars::transform::{RecursiveTransform, Transform};
use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

use super::types::Spec;

/// Returns the JSON Schema of one document of a spec, as indented JSON with a final newline.
#[must_use]
pub fn schema() -> String {
    let mut schema = SchemaGenerator::default().into_root_schema_for::<Spec>();
    RecursiveTransform(remove_null).transform(&mut schema);
    // The alternate format of a JSON value is indented.
    format!("{:#}\n", schema.to_value())
}

/// Removes `null` from the types of optional keys: they may be omitted, but not null.
fn remove_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".into(), only);
        }
    }
    let is_null = |schema: &Value| schema.get("type").is_some_and(|name| name == "null");
    if let Some(Value::Array(choices)) = object.get_mut("anyOf")
        && let Some(null) = choices.iter().position(is_null)
    {
        choices.remove(null);
        if let [Value::Object(only)] = choices.as_slice() {
            let only = only.clone();
            object.remove("anyOf");
            object.extend(only);
        }
    }
}
