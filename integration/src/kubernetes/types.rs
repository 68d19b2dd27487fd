//! The *types* of objects as TypeScript declares them: those of `@kubevirt-ui-ext/kubevirt-api`, which
//! are generated from what KubeVirt, CDI and Kubernetes publish of their interfaces. Declarations are
//! all of one form, a field a line.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::peer;

/// Where `integration/peers.sh` puts them.
const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/kubevirt-api/package/dist");

/// What kinds of objects are called, and in which file.
const KINDS: [(&str, &str, &str); 6] = [
    ("VirtualMachine", "kubevirt", "V1VirtualMachine"),
    ("DataVolume", "containerized-data-importer", "V1beta1DataVolume"),
    ("DataSource", "containerized-data-importer", "V1beta1DataSource"),
    ("DataImportCron", "containerized-data-importer", "V1beta1DataImportCron"),
    ("Secret", "kubernetes", "IoK8sApiCoreV1Secret"),
    ("ConfigMap", "kubernetes", "IoK8sApiCoreV1ConfigMap"),
];

/// The declarations of all files.
#[derive(Debug)]
pub struct ObjectTypes(BTreeMap<&'static str, Declarations>);

/// The declarations of one file.
#[derive(Debug, Default)]
struct Declarations {
    interfaces: BTreeMap<String, Vec<Field>>,
    enums: BTreeMap<String, Vec<String>>,
}

#[derive(Debug)]
struct Field {
    name: String,
    is_required: bool,
    kind: String,
}

impl ObjectTypes {
    /// Reads them, if they are there.
    pub fn load() -> Option<Self> {
        if peer::find_optional("npm").is_none() {
            peer::note_skipped("`npm` is missing, and with it the types of KubeVirt's objects");
            return None;
        }
        let read = |name: &str| {
            std::fs::read_to_string(Path::new(DIRECTORY).join(name).join("index.d.ts"))
        };
        let mut files = BTreeMap::new();
        for (_, file, _) in KINDS {
            let Ok(text) = read(file) else {
                peer::skip_test(
                    "the types of KubeVirt's objects are missing; integration/peers.sh gets them",
                );
                return None;
            };
            files.entry(file).or_insert_with(|| Declarations::parse(&text));
        }
        Some(Self(files))
    }

    /// Panics where an object has a field that there is not, lacks one, or has one of another type.
    pub fn check(&self, object: &Value) {
        let kind = object["kind"].as_str().unwrap();
        let (_, file, name) = KINDS.iter().find(|(known, ..)| *known == kind).unwrap();
        self.0[file].check(kind, name, object);
    }
}

impl Declarations {
    fn parse(text: &str) -> Self {
        let mut all = Self::default();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let name = |start: &str, end: &str| {
                Some(line.strip_prefix(start)?.strip_suffix(end)?.to_owned())
            };
            if let Some(name) = name("interface ", " {") {
                let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "}").collect();
                all.interfaces.insert(name, fields(&body));
            } else if let Some(name) = name("declare enum ", " {").or(name("declare const ", ": {"))
            {
                let body = lines.by_ref().take_while(|line| !line.starts_with('}'));
                let values = body.filter_map(|line| Some(line.split('"').nth(1)?.to_owned()));
                all.enums.insert(name, values.collect());
            }
        }
        all
    }

    fn check(&self, place: &str, kind: &str, value: &Value) {
        let is_right = match kind {
            "string" => value.is_string(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "object" => value.is_object(),
            _ => {
                if let Some(inner) =
                    kind.strip_prefix("Array<").and_then(|kind| kind.strip_suffix('>'))
                {
                    let items = value.as_array().unwrap_or_else(|| panic!("{place}: no list"));
                    return items.iter().for_each(|item| self.check(place, inner, item));
                }
                if let Some(inner) = kind.strip_prefix("map of ") {
                    let fields = value.as_object().unwrap_or_else(|| panic!("{place}: no map"));
                    return fields.values().for_each(|item| self.check(place, inner, item));
                }
                if let Some(values) = self.enums.get(kind) {
                    values.iter().any(|known| value == known)
                } else {
                    return self.check_fields(place, kind, value);
                }
            }
        };
        assert!(is_right, "{place}: {value} is no {kind}");
    }

    fn check_fields(&self, place: &str, kind: &str, value: &Value) {
        let fields =
            self.interfaces.get(kind).unwrap_or_else(|| panic!("{place}: what is a {kind}?"));
        let value = value.as_object().unwrap_or_else(|| panic!("{place}: no object"));
        for field in fields.iter().filter(|field| field.is_required) {
            assert!(value.contains_key(&field.name), "{place}: no {}", field.name);
        }
        for (name, value) in value {
            let field = fields.iter().find(|field| field.name == *name);
            let field = field.unwrap_or_else(|| panic!("{place}: {kind} has no {name}"));
            self.check(&format!("{place}.{name}"), &field.kind, value);
        }
    }
}

/// `name?: type;`, or a map over three lines; comments stand between.
fn fields(body: &[&str]) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    for line in body {
        let Some((name, kind)) = line.trim().split_once(": ") else { continue };
        let kind = kind.trim_end_matches(';');
        if name == "[key" {
            let (_, kind) = kind.split_once("]: ").unwrap();
            fields.last_mut().unwrap().kind = format!("map of {kind}");
        } else if !name.starts_with(['*', '/']) {
            let bare = name.trim_end_matches('?').trim_matches('"').to_owned();
            fields.push(Field { name: bare, is_required: !name.ends_with('?'), kind: kind.into() });
        }
    }
    fields
}
