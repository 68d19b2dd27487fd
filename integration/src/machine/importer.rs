//! Reads artifacts as importers do: the checks of KubeVirt enhancement 395, and those of the published
//! script `hack/oci-import.sh`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{DISK, INDEX, MANIFEST, NAME, SIZE, TYPES};
use crate::disk::sha256;

/// A virtual machine that was imported.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedMachine {
    /// The object.
    pub config: Value,
    /// Contents of the disks by the names of their volumes.
    pub disks: BTreeMap<String, Vec<u8>>,
    /// Sizes of the disks, as their layers declare them.
    pub sizes: BTreeMap<String, String>,
}

/// A layout that artifacts are imported from.
#[derive(Debug)]
pub struct ArtifactLayout {
    root: PathBuf,
}

impl ArtifactLayout {
    /// Returns the layout in a directory.
    pub fn new(root: &Path) -> Self {
        Self { root: root.into() }
    }

    /// Returns the descriptors of artifacts of virtual machines.
    pub fn artifacts(&self) -> Vec<Value> {
        let index: Value =
            serde_json::from_slice(&fs::read(self.root.join("index.json")).unwrap()).unwrap();
        let entries = index["manifests"].as_array().cloned().unwrap_or_default();
        entries.into_iter().filter(|entry| self.is_artifact(entry)).collect()
    }

    /// Returns whether a descriptor is that of an artifact of a virtual machine.
    pub fn is_artifact(&self, descriptor: &Value) -> bool {
        let Ok(document) = self.document(descriptor) else { return false };
        let own = document["artifactType"].as_str().unwrap_or_default();
        TYPES.iter().any(|(artifact_type, _)| *artifact_type == own)
    }

    /// Returns the architectures of an artifact.
    pub fn architectures(&self, root: &Value) -> Vec<String> {
        let document = self.document(root).unwrap();
        let entries = document["manifests"].as_array().cloned().unwrap_or_default();
        let name = |entry: &Value| entry["platform"]["architecture"].as_str().map(str::to_owned);
        entries.iter().filter_map(name).collect()
    }

    /// Imports the virtual machine for an architecture.
    pub fn import(&self, root: &Value, architecture: &str) -> Result<ImportedMachine, String> {
        let document = self.document(root)?;
        let (manifest, index_type) = if root["mediaType"] == INDEX {
            let entry = select_manifest(&document, architecture)?;
            (
                self.document(&entry)?,
                document["artifactType"].as_str().unwrap_or_default().to_owned(),
            )
        } else {
            (document, String::new())
        };
        validate_manifest(&manifest, &index_type)?;
        let config = self.document(&manifest["config"])?;
        let layers = manifest["layers"].as_array().unwrap();
        let names: Vec<&str> =
            layers.iter().map(|layer| layer["annotations"][NAME].as_str().unwrap()).collect();
        let artifact_type = manifest["artifactType"].as_str().unwrap();
        let machine = validate_config(artifact_type, &config, &names)?;
        let own = machine.pointer("/spec/template/spec/architecture").and_then(Value::as_str);
        let own = own.filter(|own| !own.is_empty() && !own.contains("${")).unwrap_or("amd64");
        if own != architecture {
            return Err(format!("the machine is for {own}, not {architecture}"));
        }
        let (mut disks, mut sizes) = (BTreeMap::new(), BTreeMap::new());
        for layer in layers {
            let name = layer["annotations"][NAME].as_str().unwrap().to_owned();
            let size = layer["annotations"][SIZE].as_str().unwrap();
            let disk = zstd::stream::decode_all(&self.blob(layer)?[..])
                .map_err(|error| format!("disk {name}: {error}"))?;
            if parse_quantity(size) != Some(disk.len() as u64) {
                return Err(format!("disk {name} has {} bytes, not {size}", disk.len()));
            }
            sizes.insert(name.clone(), size.to_owned());
            disks.insert(name, disk);
        }
        Ok(ImportedMachine { config, disks, sizes })
    }

    fn document(&self, descriptor: &Value) -> Result<Value, String> {
        serde_json::from_slice(&self.blob(descriptor)?).map_err(|error| error.to_string())
    }

    fn blob(&self, descriptor: &Value) -> Result<Vec<u8>, String> {
        let digest = descriptor["digest"].as_str().ok_or("a descriptor without a digest")?;
        let bytes = fs::read(self.root.join("blobs").join(digest.replace(':', "/")))
            .map_err(|error| format!("{digest}: {error}"))?;
        if format!("sha256:{}", sha256(&bytes)) != digest {
            return Err(format!("{digest} is damaged"));
        }
        if descriptor["size"] != bytes.len() {
            return Err(format!("{digest} has another size"));
        }
        Ok(bytes)
    }
}

fn select_manifest(index: &Value, architecture: &str) -> Result<Value, String> {
    let entries = index["manifests"].as_array().ok_or("an index without manifests")?;
    let fitting: Vec<&Value> = entries
        .iter()
        .filter(|entry| entry["platform"]["os"] == "linux")
        .filter(|entry| entry["platform"]["architecture"] == architecture)
        .collect();
    match fitting[..] {
        [entry] if entry["mediaType"] == MANIFEST => Ok(entry.clone()),
        [_] => Err("unsupported media type".into()),
        [] => Err(format!("no manifest for architecture {architecture:?}")),
        _ => Err(format!("{} manifests for architecture {architecture:?}", fitting.len())),
    }
}

fn validate_manifest(manifest: &Value, index_type: &str) -> Result<(), String> {
    if manifest["mediaType"] != MANIFEST {
        return Err("unsupported manifest media type".into());
    }
    let own = manifest["artifactType"].as_str().unwrap_or_default();
    let Some((_, config_type)) = TYPES.iter().find(|(artifact_type, _)| *artifact_type == own)
    else {
        return Err(format!("unsupported artifactType {own:?}"));
    };
    if !index_type.is_empty() && index_type != own {
        return Err(format!(
            "index artifactType {index_type:?} does not match manifest artifactType"
        ));
    }
    if manifest["config"]["mediaType"] != *config_type {
        return Err(format!("config media type {}", manifest["config"]["mediaType"]));
    }
    let mut names = Vec::new();
    for layer in manifest["layers"].as_array().ok_or("no layers")? {
        if layer["mediaType"] != DISK {
            return Err(format!("layer has unsupported media type {}", layer["mediaType"]));
        }
        let name = layer["annotations"][NAME].as_str().ok_or("a layer has no name")?;
        if names.contains(&name) {
            return Err(format!("disk {name:?} is named by more than one layer"));
        }
        names.push(name);
        let size = layer["annotations"][SIZE].as_str().ok_or("a layer has no size")?;
        if parse_quantity(size).is_none_or(|size| size == 0) {
            return Err(format!("invalid size {size:?}"));
        }
        if layer["annotations"]["org.opencontainers.image.title"] != format!("{name}.raw.zst") {
            return Err(format!("the layer of {name:?} has another title"));
        }
    }
    Ok(())
}

/// Checks the object, and returns the virtual machine in it.
fn validate_config<'c>(
    artifact_type: &str,
    config: &'c Value,
    names: &[&str],
) -> Result<&'c Value, String> {
    let is_template = artifact_type == TYPES[1].0;
    let kind = if is_template { "VirtualMachineTemplate" } else { "VirtualMachine" };
    let group = if is_template { "template.kubevirt.io/" } else { "kubevirt.io/" };
    let version = config["apiVersion"].as_str().unwrap_or_default();
    if config["kind"] != kind || !version.starts_with(group) {
        return Err(format!("expected {group}… {kind}"));
    }
    if config["metadata"]["name"].as_str().is_none_or(str::is_empty) {
        return Err("the object has no name".into());
    }
    for field in ["namespace", "uid", "resourceVersion", "generation", "managedFields"] {
        if !config["metadata"][field].is_null() {
            return Err(format!("the object has `{field}` of another cluster"));
        }
    }
    let machine = if is_template { &config["spec"]["virtualMachine"] } else { config };
    let empty = Vec::new();
    let volumes = machine["spec"]["template"]["spec"]["volumes"].as_array().unwrap_or(&empty);
    let clones: Vec<&str> = machine["spec"]["dataVolumeTemplates"]
        .as_array()
        .unwrap_or(&empty)
        .iter()
        .filter(|template| template["spec"]["source"]["pvc"].is_object())
        .filter_map(|template| template["metadata"]["name"].as_str())
        .collect();
    let mut disks = Vec::new();
    for volume in volumes {
        let name = volume["name"].as_str().ok_or("a volume without a name")?;
        let data_volume = volume["dataVolume"]["name"].as_str();
        if data_volume.is_some() && !is_template {
            return Err(format!("volume {name:?}: VMs must have PVC volumes only"));
        }
        if volume["persistentVolumeClaim"].is_object()
            || data_volume.is_some_and(|data_volume| clones.contains(&data_volume))
        {
            disks.push(name);
        }
    }
    if let Some(name) = disks.iter().find(|name| !names.contains(name)) {
        return Err(format!("PVC volume {name:?} is not named by any disk layer"));
    }
    if let Some(name) = names.iter().find(|name| !disks.contains(name)) {
        return Err(format!("disk layer {name:?} does not name a PVC volume"));
    }
    Ok(machine)
}

fn parse_quantity(text: &str) -> Option<u64> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, suffix) = text.split_at(split);
    let power =
        ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].iter().position(|known| *known == suffix)?;
    number.parse::<u64>().ok()?.checked_mul(1024_u64.pow(u32::try_from(power).ok()?))
}
