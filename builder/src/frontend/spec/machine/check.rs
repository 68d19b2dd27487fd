//! *Checks* a virtual machine as its importers do.

use std::collections::HashMap;

use super::LocatedMachine;
use crate::cluster::kubernetes::parse_label_name;
use crate::cluster::vm::{OS, VolumeSource};
use crate::frontend::spec::fields::add_suggestion;
use crate::frontend::spec::located::{Located, LocatedText, UserMapping};
use crate::frontend::spec::source::SourceSpec;
use crate::oci::image::platform::Platform;
use crate::recipe::diagnostic::Diagnostic;

impl LocatedMachine {
    /// Reports what is wrong with the virtual machine whatever its disks.
    pub(super) fn check(&self, problems: &mut Vec<Diagnostic>) {
        if self.document.name().is_empty() {
            problems.push(
                Diagnostic::new(format!("the {} has no name", self.document.kind.object_kind()))
                    .at(self.node.span.clone())
                    .help("add `metadata: {name: …}`"),
            );
        }
        let mut names: HashMap<&str, usize> = HashMap::new();
        for (index, volume) in self.document.volumes().iter().enumerate() {
            let at = || self.volume_span(index);
            if let Err(error) = parse_label_name(volume.name) {
                let name = volume.name.escape_debug();
                let message = format!("`{name}` is not a name of a volume");
                problems.push(Diagnostic::new(message).at(at()).help(error.to_string()));
            } else if let Some(first) = names.insert(volume.name, index) {
                let (line, _) = self.volume_span(first).line_column();
                problems.push(
                    Diagnostic::new(format!("two volumes are named `{}`", volume.name))
                        .at(at())
                        .help(format!("the other one is on line {line}; rename one of them")),
                );
            }
        }
    }

    /// Checks that the virtual machine is for this platform.
    pub(in crate::frontend::spec) fn check_platform(
        &self,
        platform: &Platform,
        key: &LocatedText,
        problems: &mut Vec<Diagnostic>,
    ) {
        if platform.os != OS {
            problems.push(
                Diagnostic::new(format!("virtual machines of `{platform}` do not exist"))
                    .at(key.span.clone())
                    .help("the platforms of VM artifacts are of `linux`, whatever their guests"),
            );
        }
        let Some(architecture) = self.document.architecture() else { return };
        if architecture == platform.architecture {
            return;
        }
        let path = ["spec", "template", "spec", "architecture"];
        let (line, _) =
            self.machine_node(&path).map_or(&self.node.span, |it| &it.span).line_column();
        problems.push(
            Diagnostic::new(format!(
                "the virtual machine is for `{}`, and this platform is `{platform}`",
                architecture.escape_debug()
            ))
            .at(key.span.clone())
            .help(format!(
                "line {line} of `{}` sets its architecture; change it, or remove it to build for \
                 several platforms",
                self.node.span.source.name
            )),
        );
    }

    /// Checks that each volume has its disk, and each disk its volume.
    pub(in crate::frontend::spec) fn check_disks(
        &self,
        disks: &Located<UserMapping<SourceSpec>>,
        problems: &mut Vec<Diagnostic>,
    ) {
        let volumes = self.document.volumes();
        let is_described =
            |name: &str| self.described.as_ref().is_some_and(|disks| disks.contains_key(name));
        let has_disk = |name: &str| {
            is_described(name) || disks.value.0.iter().any(|(key, _)| key.value == name)
        };
        for (index, volume) in volumes.iter().enumerate() {
            if self.needs_disk(volume.source) && !has_disk(volume.name) {
                let span = self.volume_span(index);
                let (line, _) = span.line_column();
                problems.push(
                    Diagnostic::new(format!("the volume `{}` has no disk", volume.name))
                        .at(disks.span.clone())
                        .help(format!(
                            "add `{}: PATH`; line {line} of `{}` has the volume",
                            volume.name, span.source.name
                        )),
                );
            }
        }
        let known: Vec<&str> = volumes
            .iter()
            .filter(|volume| self.needs_disk(volume.source))
            .map(|volume| volume.name)
            .collect();
        for (key, _) in &disks.value.0 {
            let named = volumes.iter().find(|volume| volume.name == key.value);
            let problem = match named.map(|volume| volume.source) {
                Some(source) if self.needs_disk(source) => continue,
                Some(VolumeSource::DataVolume(_)) => Diagnostic::new(format!(
                    "the volume `{}` is made anew for each machine of the template",
                    key.value
                ))
                .help("set `source: {pvc: {name: …}}` in its `dataVolumeTemplates`"),
                Some(VolumeSource::Other(source)) => Diagnostic::new(format!(
                    "the volume `{}` is a `{source}`, which has no disk",
                    key.value
                ))
                .help("make it a `persistentVolumeClaim` or a `dataVolume`"),
                _ => add_suggestion(
                    Diagnostic::new(format!(
                        "the virtual machine has no volume `{}`",
                        key.value.escape_debug()
                    )),
                    &key.value,
                    &known,
                    "volumes with disks",
                ),
            };
            problems.push(problem.at(key.span.clone()));
        }
    }
}
