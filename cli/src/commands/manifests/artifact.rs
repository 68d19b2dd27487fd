//! Objects of *VM artifacts*: the virtual machine, and the volumes of its disks.

use diskette_builder::cluster::kubernetes::{
    ImageSubject, KubernetesObject, ObjectMeta, PullMethod, VolumeStorage,
};
use diskette_builder::inspect::vm::{MachineObjects, SeenMachineDisk};
use diskette_builder::recipe::diagnostic::Diagnostic;

use super::ManifestsArguments;
use super::image::{MachineImage, ManifestImage};
use super::kinds::ObjectKind;
use super::usage_error;
use super::writer::ManifestWriter;
use crate::error::CommandError;

impl ManifestsArguments {
    /// Refuses options that are for the virtual machines and volumes of images.
    fn check_machine_options(&self) -> Result<(), CommandError> {
        if let Some(option) = self.machine.first_option() {
            let message =
                format!("`{option}` is for images, and a VM artifact has a machine of its own");
            return Err(usage_error(
                message,
                "leave it out, and edit the VirtualMachine that is written",
            ));
        }
        if self.storage.pull_method() == PullMethod::Node {
            let message = "only the pod of CDI's importer reads VM artifacts".to_owned();
            return Err(usage_error(message, "leave out `--pull-method`"));
        }
        Ok(())
    }
}

impl ManifestWriter<'_> {
    /// Returns the objects of a VM artifact.
    pub(super) fn machine_objects(
        &self,
        seen: &ManifestImage,
        machine: &MachineImage,
        subject: &ImageSubject,
    ) -> Result<Vec<KubernetesObject>, CommandError> {
        let arguments = self.arguments;
        arguments.check_machine_options()?;
        let name = arguments.name.as_deref().unwrap_or(&machine.machine.name);
        let objects = MachineObjects {
            meta: ObjectMeta { name, ..self.meta() },
            subject,
            access: self.names.access(&arguments.storage),
        };
        let mut written = Vec::new();
        for kind in arguments.kinds.iter() {
            match kind {
                ObjectKind::DataVolume => {
                    for (disk, storage) in self.disk_storage(machine)? {
                        written.push(objects.data_volume(disk, &storage));
                    }
                }
                ObjectKind::Claim => {
                    for (disk, storage) in self.disk_storage(machine)? {
                        written.push(objects.claim(disk, &storage));
                    }
                }
                ObjectKind::Vm => {
                    let object = objects.machine(&machine.image).ok_or_else(|| {
                        let message =
                            format!("the config of {} is not a virtual machine", seen.digest);
                        Diagnostic::new(message)
                            .help("`diskette verify` reports what is wrong with it")
                    })?;
                    written.push(object);
                }
                _ => {}
            }
        }
        Ok(written)
    }

    /// Returns the volumes of the disks.
    fn disk_storage<'m>(
        &'m self,
        machine: &'m MachineImage,
    ) -> Result<Vec<(&'m str, VolumeStorage<'m>)>, CommandError> {
        let storage = |disk: &'m SeenMachineDisk| {
            let least = disk.size.ok_or_else(|| format!("the disk `{}` has no size", disk.name));
            let storage = self.arguments.storage.storage_of(least)?;
            Ok((disk.name.as_str(), storage))
        };
        machine.machine.disks.iter().map(storage).collect()
    }
}
