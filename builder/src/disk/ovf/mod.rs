//! An *OVF* describes a virtual machine and its disks: the text in an OVA (DMTF DSP0243, *Open
//! Virtualization Format Specification* 2.1). Programs spell namespaces in several ways, so that
//! elements and attributes are known by their local names.
//!
//! - `hardware`: the memory, processors and controllers of the machine
//! - `units`: units of its numbers

mod hardware;
mod units;

use std::collections::HashSet;
use std::collections::hash_map::{Entry, HashMap};

use roxmltree::{Document, Node};
use thiserror::Error;

use self::hardware::OvfHardware;
pub use self::hardware::{OvfBus, OvfCpus, OvfFirmware, OvfMachine, OvfNetworkCard};

/// Maximum length of a description in bytes; exported ones have some KiB.
pub(crate) const LEN_MAX: u64 = 4 << 20;

/// Where an item names its disk.
const DISK_PREFIX: [&str; 2] = ["ovf:/disk/", "/disk/"];
const FILE_PREFIX: [&str; 2] = ["ovf:/file/", "/file/"];

/// A description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ovf {
    /// Disks with content, in the order of the machine's hardware; the first one boots.
    pub disks: Vec<OvfDisk>,
    /// The machine, if there is exactly one.
    pub machine: Option<OvfMachine>,
}

/// A disk of a description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OvfDisk {
    /// Its identifier in the description.
    pub id: String,
    /// Name of its file beside the description.
    pub file: String,
    /// Whether the file is compressed with gzip.
    pub is_gzip: bool,
    /// Length of all chunks of the file but the last in bytes, if it is split.
    pub chunk_size: Option<u64>,
    /// Length of the file in bytes, as it is stored, if the description has it.
    pub size: Option<u64>,
    /// The bus that it is on, if the hardware says it.
    pub bus: Option<OvfBus>,
}

/// Why a description cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OvfError {
    /// It is not XML.
    #[error("it is not XML: {0}")]
    Xml(String),
    /// It has no disk with content.
    #[error("it names no disk")]
    NoDisk,
    /// It is longer than [`LEN_MAX`].
    #[error("it is longer than {} MiB", LEN_MAX >> 20)]
    TooLong,
    /// A length is no number.
    #[error("`{file}` has the length `{}`", .text.escape_debug())]
    Length {
        /// Name of the file.
        file: String,
        /// What the description says.
        text: String,
    },
    /// A file is compressed in an unknown way.
    #[error("`{file}` is compressed with `{compression}`")]
    Compression {
        /// Name of the file.
        file: String,
        /// Name of the compression.
        compression: String,
    },
}

impl Ovf {
    /// Parses a description.
    pub fn parse(text: &str) -> Result<Self, OvfError> {
        let document = Document::parse(text).map_err(|error| OvfError::Xml(error.to_string()))?;
        let hardware = OvfHardware::new(&document);
        let list = OvfLists::new(&document);
        let mut known = HashSet::new();
        let mut found: Vec<OvfDisk> = Vec::new();
        for (resource, bus) in hardware.attached_disks() {
            let disk = list.disk_of_resource(resource).transpose()?;
            let disk = disk.filter(|disk| known.insert(disk.id.clone()));
            found.extend(disk.map(|disk| OvfDisk { bus, ..disk }));
        }
        // Without hardware, the list of disks has the order.
        if found.is_empty() {
            for disk in &list.disks {
                found.extend(list.disk_of_node(*disk).transpose()?);
            }
        }
        if found.is_empty() {
            return Err(OvfError::NoDisk);
        }
        Ok(Self { disks: found, machine: hardware.machine() })
    }
}

/// The parts of a description that name disks. What has the identifier of another is left out.
struct OvfLists<'a, 'd> {
    files: HashMap<&'a str, Node<'a, 'd>>,
    disks: Vec<Node<'a, 'd>>,
    disks_by_id: HashMap<&'a str, Node<'a, 'd>>,
}

impl<'a, 'd> OvfLists<'a, 'd> {
    fn new(document: &'a Document<'d>) -> Self {
        let (mut files, mut disks, mut disks_by_id) = (HashMap::new(), Vec::new(), HashMap::new());
        for node in document.descendants().filter(Node::is_element) {
            match node.tag_name().name() {
                "File" if attribute(node, "href").is_some() => {
                    files.entry(attribute(node, "id").unwrap_or_default()).or_insert(node);
                }
                "Disk" => {
                    let Some(id) = attribute(node, "diskId") else { continue };
                    if let Entry::Vacant(entry) = disks_by_id.entry(id) {
                        entry.insert(node);
                        disks.push(node);
                    }
                }
                _ => {}
            }
        }
        Self { files, disks, disks_by_id }
    }

    /// Returns the disk that a hardware item names, if it has content.
    fn disk_of_resource(&self, resource: &str) -> Option<Result<OvfDisk, OvfError>> {
        let strip = |prefixes: [&str; 2]| prefixes.iter().find_map(|it| resource.strip_prefix(it));
        if let Some(id) = strip(FILE_PREFIX) {
            return self.files.get(id).map(|file| new_disk(id, *file));
        }
        self.disk_of_node(*self.disks_by_id.get(strip(DISK_PREFIX)?)?)
    }

    /// Returns a disk of the list, if it has content.
    fn disk_of_node(&self, disk: Node<'_, '_>) -> Option<Result<OvfDisk, OvfError>> {
        let file = self.files.get(attribute(disk, "fileRef")?)?;
        Some(new_disk(attribute(disk, "diskId").unwrap_or_default(), *file))
    }
}

fn new_disk(id: &str, file: Node<'_, '_>) -> Result<OvfDisk, OvfError> {
    let name = attribute(file, "href").unwrap_or_default().to_owned();
    let is_gzip = match attribute(file, "compression").unwrap_or_default() {
        "" | "identity" => false,
        "gzip" => true,
        other => {
            return Err(OvfError::Compression { file: name, compression: other.to_owned() });
        }
    };
    let length = |key| {
        let text = attribute(file, key).map(str::trim).filter(|text| !text.is_empty());
        let wrong = |text: &str| OvfError::Length { file: name.clone(), text: text.to_owned() };
        text.map(|text| text.parse::<u64>().map_err(|_| wrong(text))).transpose()
    };
    let (chunk_size, size) = (length("chunkSize")?, length("size")?);
    Ok(OvfDisk { id: id.to_owned(), file: name, is_gzip, chunk_size, size, bus: None })
}

fn attribute<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    node.attributes().find(|attribute| attribute.name() == name).map(|attribute| attribute.value())
}

fn child_text<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    let child = node.children().find(|child| child.tag_name().name() == name)?;
    child.text().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description(body: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?>\n<Envelope xmlns=\"http://schemas.dmtf.org/ovf/envelope/1\" \
             xmlns:ovf=\"http://schemas.dmtf.org/ovf/envelope/1\" xmlns:rasd=\"urn:r\">{body}</Envelope>"
        )
    }

    const LISTS: &str = "<References>\
        <File ovf:href=\"a-disk1.vmdk\" ovf:id=\"file1\" ovf:size=\"1\"/>\
        <File ovf:href=\"b.vmdk.gz\" ovf:id=\"file2\" ovf:compression=\"gzip\"/>\
        <File ovf:href=\"cd.iso\" ovf:id=\"file3\" ovf:chunkSize=\"7\"/></References>\
        <DiskSection><Disk ovf:diskId=\"vmdisk1\" ovf:fileRef=\"file1\"/>\
        <Disk ovf:diskId=\"vmdisk2\" ovf:fileRef=\"file2\"/><Disk ovf:diskId=\"blank\"/></DiskSection>";

    fn item(resource: &str) -> String {
        format!(
            "<Item><rasd:HostResource>{resource}</rasd:HostResource>\
             <rasd:ResourceType>17</rasd:ResourceType></Item>"
        )
    }

    #[test]
    fn disks_have_the_order_of_the_hardware() {
        let check = |body: &str, expected: &[(&str, &str)]| {
            let ovf = Ovf::parse(&description(body)).unwrap();
            let found: Vec<(&str, &str)> =
                ovf.disks.iter().map(|disk| (&*disk.id, &*disk.file)).collect();
            assert_eq!(found, expected, "{body}");
        };
        let (one, two) = (("vmdisk1", "a-disk1.vmdk"), ("vmdisk2", "b.vmdk.gz"));
        check(LISTS, &[one, two]);
        // The first of two disks with one identifier counts.
        let again = "<Disk ovf:diskId=\"vmdisk2\" ovf:fileRef=\"file3\"/>";
        check(&format!("{LISTS}{again}"), &[one, two]);
        let items = ["/disk/vmdisk2", "ovf:/disk/blank", "ovf:/disk/vmdisk1", "ovf:/disk/vmdisk2"];
        check(&format!("{LISTS}{}", items.map(item).concat()), &[two, one]);
        check(&format!("{LISTS}{}", item("ovf:/file/file3")), &[("file3", "cd.iso")]);
        let network = "<Item><ResourceType>10</ResourceType></Item>";
        check(&format!("{LISTS}{network}{}", item("/disk/none")), &[one, two]);
        let ovf = Ovf::parse(&description(LISTS)).unwrap();
        assert_eq!(ovf.disks.iter().map(|disk| disk.is_gzip).collect::<Vec<_>>(), [false, true]);
        let ovf = Ovf::parse(&description(&format!("{LISTS}{}", item("ovf:/file/file3")))).unwrap();
        assert_eq!((ovf.disks[0].chunk_size, ovf.disks[0].size), (Some(7), None));
    }

    #[test]
    fn many_disks_take_no_longer_each() {
        let many = |part: fn(usize) -> String| (0..20_000).map(part).collect::<String>();
        let files = many(|at| format!("<File href='{at}' id='f{at}'/>"));
        let disks = many(|at| format!("<Disk diskId='d{at}' fileRef='f{at}'/>"));
        let items = many(|at| item(&format!("/disk/d{}", 19_999 - at)));
        let ovf = Ovf::parse(&description(&[files, disks, items].concat())).unwrap();
        assert_eq!((ovf.disks.len(), &*ovf.disks[0].file), (20_000, "19999"));
        let deep = "<a>".repeat(200_000);
        assert!(Ovf::parse(&description(&deep)).is_err());
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        let check = |text: &str, expected: &str| {
            assert_eq!(Ovf::parse(text).unwrap_err().to_string(), expected);
        };
        check(&description(""), "it names no disk");
        check("<a>", "it is not XML: the root node was opened but never closed");
        let bomb = "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>";
        check(bomb, "it is not XML: XML with DTD detected");
        let other = LISTS.replace("\"gzip\"", "\"bzip2\"");
        check(&description(&other), "`b.vmdk.gz` is compressed with `bzip2`");
        let other = LISTS.replace("size=\"1\"", "size=\"1 MB\"");
        check(&description(&other), "`a-disk1.vmdk` has the length `1 MB`");
    }
}
