//! *Parameters* of a `VirtualMachineTemplate`, which stand as `${NAME}` in its virtual machine.

use serde_json::Value;

/// Replaces the parameters in a text by their values; nothing if one of them has no value.
pub(super) fn replace_parameters(text: &str, template: &Value) -> Option<String> {
    let mut replaced = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}')?;
        replaced.push_str(before);
        replaced.push_str(parameter_value(name, template)?);
        rest = after;
    }
    replaced.push_str(rest);
    Some(replaced)
}

fn parameter_value<'t>(name: &str, template: &'t Value) -> Option<&'t str> {
    let parameters = template.pointer("/spec/parameters")?.as_array()?;
    let parameter = parameters.iter().find(|parameter| parameter["name"] == name)?;
    parameter.get("value")?.as_str().filter(|value| !value.is_empty())
}
