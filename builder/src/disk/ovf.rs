//! An *OVF* describes a virtual machine and its disks: the text in an OVA (DMTF DSP0243, *Open
//! Virtualization Format Specification* 2.1). Programs spell namespaces in several ways, so that
//! elements and attributes are known by their local names.

use roxmltree::{Document, Node};
use thiserror::Error;

/// Maximum length of a description in bytes; exported ones have some KiB.
pub(crate) const LEN_MAX: u64 = 4 << 20;

/// Resource types of hardware items (DMTF DSP1027, `CIM_ResourceAllocationSettingData`).
const DISK: &str = "17";

/// Where an item names its disk.
const DISK_PREFIX: [&str; 2] = ["ovf:/disk/", "/disk/"];
const FILE_PREFIX: [&str; 2] = ["ovf:/file/", "/file/"];

/// A description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ovf {
    /// Disks with content, in the order of the machine's hardware; the first one boots.
    pub disks: Vec<OvfDisk>,
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
    /// Whether the file is split into chunks.
    pub is_chunked: bool,
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
        let nodes = || document.descendants().filter(Node::is_element);
        let named = |name: &'static str| nodes().filter(move |node| node.tag_name().name() == name);
        let files: Vec<Node<'_, '_>> =
            named("File").filter(|file| attribute(*file, "href").is_some()).collect();
        let disks: Vec<Node<'_, '_>> =
            named("Disk").filter(|disk| attribute(*disk, "diskId").is_some()).collect();
        let items = nodes().filter(|node| matches!(node.tag_name().name(), "Item" | "StorageItem"));
        let resources = items.filter(|item| child_text(*item, "ResourceType") == Some(DISK));
        let attached = resources.filter_map(|item| child_text(item, "HostResource"));
        let mut found: Vec<OvfDisk> = Vec::new();
        for resource in attached {
            let disk = disk_of_resource(resource, &disks, &files).transpose()?;
            found.extend(disk.filter(|disk| !found.contains(disk)));
        }
        // Without hardware, the list of disks has the order.
        if found.is_empty() {
            for disk in &disks {
                found.extend(disk_of_node(*disk, &files).transpose()?);
            }
        }
        if found.is_empty() { Err(OvfError::NoDisk) } else { Ok(Self { disks: found }) }
    }
}

/// Returns the disk that a hardware item names, if it has content.
fn disk_of_resource(
    resource: &str,
    disks: &[Node<'_, '_>],
    files: &[Node<'_, '_>],
) -> Option<Result<OvfDisk, OvfError>> {
    let strip = |prefixes: [&str; 2]| prefixes.iter().find_map(|it| resource.strip_prefix(it));
    if let Some(id) = strip(FILE_PREFIX) {
        return file_of_id(id, files).map(|file| new_disk(id, file));
    }
    let id = strip(DISK_PREFIX)?;
    disk_of_node(*disks.iter().find(|disk| attribute(**disk, "diskId") == Some(id))?, files)
}

/// Returns a disk of the list, if it has content.
fn disk_of_node(disk: Node<'_, '_>, files: &[Node<'_, '_>]) -> Option<Result<OvfDisk, OvfError>> {
    let file = file_of_id(attribute(disk, "fileRef")?, files)?;
    Some(new_disk(attribute(disk, "diskId").unwrap_or_default(), file))
}

fn file_of_id<'a, 'd>(id: &str, files: &[Node<'a, 'd>]) -> Option<Node<'a, 'd>> {
    files.iter().copied().find(|file| attribute(*file, "id") == Some(id))
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
    let is_chunked = attribute(file, "chunkSize").is_some();
    Ok(OvfDisk { id: id.to_owned(), file: name, is_gzip, is_chunked })
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
        let items = ["/disk/vmdisk2", "ovf:/disk/blank", "ovf:/disk/vmdisk1", "ovf:/disk/vmdisk2"];
        check(&format!("{LISTS}{}", items.map(item).concat()), &[two, one]);
        check(&format!("{LISTS}{}", item("ovf:/file/file3")), &[("file3", "cd.iso")]);
        let network = "<Item><ResourceType>10</ResourceType></Item>";
        check(&format!("{LISTS}{network}{}", item("/disk/none")), &[one, two]);
        let ovf = Ovf::parse(&description(LISTS)).unwrap();
        assert_eq!(ovf.disks.iter().map(|disk| disk.is_gzip).collect::<Vec<_>>(), [false, true]);
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
    }
}
