//! *Writes* objects as YAML documents, one after the other, which readers of YAML 1.1 and of 1.2
//! read alike. kubectl reads YAML 1.1, in which `on` is not a string and `1e3` is a number.

use std::fmt;

use super::KubernetesObject;

/// Returns objects as the text of one YAML file.
pub fn write_yaml(objects: &[KubernetesObject]) -> Result<String, fmt::Error> {
    let options = serde_saphyr::ser_options! {
        // Long strings are not folded: base64 stays one word, and a certificate keeps its lines.
        folded_wrap_chars: usize::MAX,
    };
    let mut text = String::new();
    for (number, object) in objects.iter().enumerate() {
        if number > 0 {
            text.push_str("---\n");
        }
        for line in &object.comment {
            text.push_str("# ");
            text.push_str(line);
            text.push('\n');
        }
        serde_saphyr::to_fmt_writer_with_options(&mut text, &object.value, options.clone())
            .map_err(|_| fmt::Error)?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use snapbox::{IntoData as _, assert_data_eq, str};

    use super::*;

    fn write(values: &[Value]) -> String {
        let objects: Vec<KubernetesObject> =
            values.iter().cloned().map(KubernetesObject::from).collect();
        write_yaml(&objects).unwrap()
    }

    #[test]
    fn texts_stay_texts() {
        let check = |text: &str| {
            let written = write(&[json!({ "k": text })]);
            let read: Value = serde_saphyr::from_str(&written).unwrap();
            assert_eq!(read, json!({ "k": text }), "{written}");
            let scalar = written.strip_prefix("k: ").unwrap();
            assert!(scalar.starts_with(['"', '\'']), "not quoted: {written}");
        };
        for text in [
            "",
            "on",
            "Off",
            "yes",
            "NO",
            "y",
            "n",
            "true",
            "null",
            "~",
            "1",
            "1.0",
            "1e3",
            "1_000",
            "0x1F",
            "0o7",
            "0777",
            "12:30:45",
            ".inf",
            ".NaN",
            "2001-01-01",
            "=",
            "<<",
            "-",
            "- a",
            "? a",
            "a: b",
            "a #b",
            "#a",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "`a",
            "{a",
            "[a",
            "|",
            ">",
            " a",
            "a ",
            "a\tb\u{7}",
            "'",
            "\"",
        ] {
            check(text);
        }
    }

    #[test]
    fn documents_are_as_kubectl_prints_them() {
        let first = json!({
            "kind": "ConfigMap",
            "data": { "ca.crt": "-----BEGIN-----\nAA+/=\n-----END-----\n" },
            "metadata": { "name": "a", "namespace": null },
            "list": [{ "name": "b", "pod": {} }, { "c": ["d", 1, true] }],
        });
        let mut second = KubernetesObject::from(json!({ "kind": "x", "word": "a".repeat(200) }));
        second.comment = vec!["fill it in".into()];
        let written = write_yaml(&[first.into(), second]).unwrap();
        assert_data_eq!(
            written.replace(&"a".repeat(200), "[LONG]"),
            str![[r#"
data:
  ca.crt: |
    -----BEGIN-----
    AA+/=
    -----END-----
kind: ConfigMap
list:
- name: b
  pod: {}
- c:
  - d
  - 1
  - true
metadata:
  name: a
---
# fill it in
kind: x
word: [LONG]

"#]]
            .raw()
        );
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
            "[ a:#\\-\n\t'\"|>]{0,12}".prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z.]{1,6}|\\PC{1,6}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(values in prop::collection::vec(value(), 1..3)) {
            let values: Vec<Value> = values.into_iter().map(|value| json!({ "k": value })).collect();
            let written = write(&values);
            let read: Vec<Value> = serde_saphyr::from_multiple(&written)
                .map_err(|error| TestCaseError::fail(format!("{error}\n{written}")))?;
            prop_assert_eq!(read, values, "{}", written);
        }
    }
}
