//! Compares the *fields* of two JSON documents.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Difference, DifferenceKind};

/// Maximum number of differences reported for one document, and of characters shown of a value.
const REPORTED_MAX: usize = 50;
const VALUE_MAX: usize = 400;

/// Fields of a document that are compared elsewhere.
pub(super) enum SkippedFields {
    Nothing,
    /// In an index: digests and sizes of manifests.
    Manifests,
    /// In a manifest: digests and sizes of config and layers.
    Blobs,
    /// In a config: the diff IDs of layers that differ. For each layer, whether it is the same.
    DiffIds(Vec<bool>),
}

impl SkippedFields {
    fn skips(&self, pointer: &str) -> bool {
        let parts: Vec<&str> = pointer.split('/').skip(1).collect();
        match (self, &parts[..]) {
            (Self::Manifests, ["manifests", _, "digest" | "size"])
            | (Self::Blobs, ["config", "digest" | "size"] | ["layers", _, "digest" | "size"]) => {
                true
            }
            (Self::DiffIds(same), ["rootfs", "diff_ids", number]) => {
                let number = number.parse().ok().and_then(|number: usize| same.get(number));
                number.is_none_or(|same| !same)
            }
            _ => false,
        }
    }
}

/// Compares values, and reports the differences with JSON pointers.
pub(super) fn compare_fields(
    subject: &str,
    skip: &SkippedFields,
    a: &Value,
    b: &Value,
    found: &mut Vec<Difference>,
) {
    let mut walk = FieldComparison { subject, skip, left: REPORTED_MAX, found };
    walk.compare_values("", Some(a), Some(b));
}

struct FieldComparison<'w> {
    subject: &'w str,
    skip: &'w SkippedFields,
    left: usize,
    found: &'w mut Vec<Difference>,
}

impl FieldComparison<'_> {
    fn compare_values(&mut self, pointer: &str, a: Option<&Value>, b: Option<&Value>) {
        if a == b || self.left == 0 || self.skip.skips(pointer) {
            return;
        }
        match (a, b) {
            (Some(Value::Object(a)), Some(Value::Object(b))) => {
                let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
                for name in names {
                    let part = name.replace('~', "~0").replace('/', "~1");
                    self.compare_values(&format!("{pointer}/{part}"), a.get(name), b.get(name));
                }
            }
            (Some(Value::Array(a)), Some(Value::Array(b))) => {
                for number in 0..a.len().max(b.len()) {
                    self.compare_values(
                        &format!("{pointer}/{number}"),
                        a.get(number),
                        b.get(number),
                    );
                }
            }
            _ => {
                self.left -= 1;
                let (subject, place) = (self.subject.to_owned(), pointer.to_owned());
                let (a, b) = (show_value(a), show_value(b));
                self.found.push(Difference { subject, place, kind: DifferenceKind::Field, a, b });
            }
        }
    }
}

fn show_value(value: Option<&Value>) -> String {
    let Some(value) = value else { return "nothing".into() };
    let mut text = value.to_string();
    if text.chars().count() > VALUE_MAX {
        text = text.chars().take(VALUE_MAX).chain(['…']).collect();
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_are_told_by_pointers() {
        let check = |skip: &SkippedFields, a: Value, b: Value, expected: &[&str]| {
            let mut found = Vec::new();
            compare_fields("x", skip, &a, &b, &mut found);
            let line = |found: &Difference| format!("{}: {} | {}", found.place, found.a, found.b);
            assert_eq!(found.iter().map(line).collect::<Vec<_>>(), expected);
        };
        let all = SkippedFields::Nothing;
        check(&all, json!({"a": [1, {"b": 2}]}), json!({"a": [1, {"b": 2}]}), &[]);
        check(
            &all,
            json!({"a": [1, {"b": 2}]}),
            json!({"a": [1, {"b": "2"}]}),
            &["/a/1/b: 2 | \"2\""],
        );
        check(&all, json!({"a/b~": null}), json!({}), &["/a~1b~0: null | nothing"]);
        check(&all, json!([1]), json!([1, 2]), &["/1: nothing | 2"]);
        check(&all, json!([1]), json!({}), &[": [1] | {}"]);
        let (a, b) =
            (json!({"layers": [{"digest": 1, "x": 1}]}), json!({"layers": [{"digest": 2}]}));
        check(&SkippedFields::Blobs, a, b, &["/layers/0/x: 1 | nothing"]);
        let ids = |a: &str, b: &str| json!({"rootfs": {"diff_ids": [a, b]}});
        let same = SkippedFields::DiffIds(vec![true, false]);
        check(&same, ids("a", "b"), ids("c", "d"), &["/rootfs/diff_ids/0: \"a\" | \"c\""]);
        let many = |from: usize| (from..from + 99).collect::<Vec<_>>();
        let mut found = Vec::new();
        compare_fields("x", &all, &json!(many(0)), &json!(many(1)), &mut found);
        assert_eq!(found.len(), REPORTED_MAX);
    }
}
