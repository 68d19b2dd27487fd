//! Specs of virtual machines.
#![expect(clippy::too_many_lines, reason = "a test shows a whole machine")]

use std::io::{Seek as _, Write as _};
use std::path::Path;

use snapbox::{assert_data_eq, str};

use super::super::load_recipes;
use super::source;
use crate::engine::source::InputFiles;
use crate::recipe::{ConfigRecipe, InputFile, LayerContent, Recipe};

/// One file, `machine.yaml`.
struct OneFile(&'static str);

impl InputFiles for OneFile {
    fn open(&self, file: &InputFile) -> std::io::Result<std::fs::File> {
        if file.path != Path::new("machine.yaml") {
            return Err(std::io::ErrorKind::NotFound.into());
        }
        let mut opened = tempfile::tempfile()?;
        opened.write_all(self.0.as_bytes())?;
        opened.rewind()?;
        Ok(opened)
    }

    fn open_neighbor(&self, _: &InputFile, _: &Path) -> std::io::Result<std::fs::File> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

const MACHINE: &str = "\
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata: { name: shop, namespace: prod, annotations: { a: '1', b: \"yes\" } }
spec:
  running: true
  template:
    spec:
      domain: { cpu: { cores: 2 }, x: 0.5, y: ~ }
      volumes:
      - { name: root, dataVolume: { name: r } }
      - { name: data, persistentVolumeClaim: { claimName: d } }
";

const PLATFORMS: &str =
    "platforms: { arm64: { disks: { data: d.raw, root: { path: r.vmdk, size: 1Gi } } } }";

fn load(vm: &str, machine: &'static str) -> Result<Vec<Recipe>, Vec<String>> {
    let text = format!("apiVersion: diskette/v1\nkind: vm\nvm: {vm}\n{PLATFORMS}\n");
    let loaded = load_recipes(&source(&text), &OneFile(machine), None);
    loaded.map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

#[test]
fn a_machine_is_read_from_a_file_or_the_spec() {
    let recipes = load("machine.yaml", MACHINE).unwrap();
    let indented = MACHINE.replace('\n', "\n  ");
    let inline = load(&format!("\n  {indented}"), "").unwrap();
    assert_eq!(inline[0].platforms[0].config, recipes[0].platforms[0].config);
    assert_eq!(recipes[0].artifact_type(), Some("application/vnd.kubevirt.virtualmachine.v1"));
    let platform = &recipes[0].platforms[0];
    assert_eq!(platform.compression.to_string(), "zstd-3");
    let ConfigRecipe::Artifact(config) = &platform.config else { panic!("an image") };
    let shown: serde_json::Value = serde_json::from_slice(&config.bytes).unwrap();
    assert_data_eq!(
        format!("{shown:#}\n"),
        str![[r#"
{
  "apiVersion": "kubevirt.io/v1",
  "kind": "VirtualMachine",
  "metadata": {
    "annotations": {
      "a": "1",
      "b": "yes"
    },
    "name": "shop"
  },
  "spec": {
    "running": true,
    "template": {
      "spec": {
        "architecture": "arm64",
        "domain": {
          "cpu": {
            "cores": 2
          },
          "x": 0.5,
          "y": null
        },
        "volumes": [
          {
            "name": "root",
            "persistentVolumeClaim": {
              "claimName": "r"
            }
          },
          {
            "name": "data",
            "persistentVolumeClaim": {
              "claimName": "d"
            }
          }
        ]
      }
    }
  }
}

"#]]
    );
    let layers: Vec<String> = platform
        .layers()
        .map(|layer| {
            let LayerContent::Blob(blob) = &layer.content else { panic!("a tar") };
            format!("{} <- {} {:?}", layer.history, blob.source.location, blob.annotations)
        })
        .collect();
    let name = |volume: &str, path: &str| {
        let name = format!("\"io.kubevirt.disk.name\": \"{volume}\"");
        let title = format!("\"org.opencontainers.image.title\": \"{volume}.raw.zst\"");
        format!("{volume}.raw.zst <- {path} {{{name}, {title}}}")
    };
    // In the order of the volumes, whatever that of the spec.
    assert_eq!(layers, [name("root", "r.vmdk"), name("data", "d.raw")]);
}

#[test]
fn errors_in_the_file_name_it() {
    let check = |machine: &'static str, expected: &[&str]| {
        assert_eq!(load("machine.yaml", machine).unwrap_err(), expected);
    };
    check("", &["diskette.yaml:3:5: `machine.yaml` is empty"]);
    check("a: 1\n---\nb: 2\n", &["machine.yaml:3:1: `machine.yaml` has several documents"]);
    check("a: [\n", &["machine.yaml:1:4: this bracket is never closed"]);
    check("a: 1\na: 2\n", &["machine.yaml:2:1: `a` is given twice"]);
    let pod = "this is neither a VirtualMachine nor a VirtualMachineTemplate";
    check("kind: Pod\n", &[&format!("machine.yaml:1:1: {pod}")]);
    let missing = load("other.yaml", "").unwrap_err();
    assert_eq!(missing, ["diskette.yaml:3:5: cannot read `other.yaml`: entity not found"]);
}
