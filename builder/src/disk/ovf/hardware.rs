//! The *hardware* of the machine in a description: items of `CIM_ResourceAllocationSettingData` (DMTF DSP0243,
//! section 8.3), and the settings that VMware and VirtualBox add. Addresses of network cards are not read:
//! no two machines may have the same.

use std::collections::HashMap;

use roxmltree::{Document, Node};

use super::units::bytes_of_unit;
use super::{attribute, child_text};

/// Resource types (DMTF DSP1027, `CIM_ResourceAllocationSettingData`).
const PROCESSOR: &str = "3";
const MEMORY: &str = "4";
const IDE: &str = "5";
const SCSI: &str = "6";
const NETWORK_CARD: &str = "10";
const DISK: &str = "17";
const OTHER_STORAGE: &str = "20";

/// A virtual machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OvfMachine {
    /// Its name; empty if it has none.
    pub name: String,
    /// Its memory in bytes, if that is said.
    pub memory: Option<u64>,
    /// Its processors, if that is said.
    pub cpus: Option<OvfCpus>,
    /// Its firmware.
    pub firmware: OvfFirmware,
    /// Its first network card, if it has one.
    pub network_card: Option<OvfNetworkCard>,
}

/// The processors of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OvfCpus {
    /// How many sockets there are.
    pub sockets: u32,
    /// How many cores each has.
    pub cores: u32,
}

/// The firmware of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OvfFirmware {
    /// BIOS, or nothing is said.
    Bios,
    /// UEFI without secure boot.
    Uefi,
    /// UEFI with secure boot.
    SecureUefi,
}

/// The bus of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OvfBus {
    /// IDE.
    Ide,
    /// SCSI of any kind but virtio.
    Scsi,
    /// SATA.
    Sata,
    /// `NVMe`.
    Nvme,
    /// Virtio.
    Virtio,
}

/// A network card by its model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OvfNetworkCard {
    /// Intel's 82545.
    E1000,
    /// Intel's 82574.
    E1000e,
    /// AMD's `PCnet`.
    Pcnet,
    /// Any other, e.g. VMware's own.
    Other,
}

/// The items of a machine.
pub(super) struct OvfHardware<'a, 'd> {
    items: Vec<Node<'a, 'd>>,
    /// Controllers by their instance.
    controllers: HashMap<&'a str, OvfBus>,
    /// Machines that are described.
    systems: Vec<Node<'a, 'd>>,
    firmware: OvfFirmware,
}

impl<'a, 'd> OvfHardware<'a, 'd> {
    pub(super) fn new(document: &'a Document<'d>) -> Self {
        let chosen = default_configuration(document);
        let (mut items, mut systems) = (Vec::new(), Vec::new());
        let (mut is_uefi, mut is_secure) = (false, false);
        for node in document.descendants().filter(Node::is_element) {
            match node.tag_name().name() {
                "Item" | "StorageItem" | "EthernetPortItem" if is_chosen(node, chosen) => {
                    items.push(node);
                }
                "VirtualSystem" => systems.push(node),
                // VMware.
                "Config" => {
                    let value = attribute(node, "value").unwrap_or_default();
                    match attribute(node, "key") {
                        Some("firmware") => is_uefi |= value == "efi",
                        Some("bootOptions.efiSecureBootEnabled") => is_secure |= value == "true",
                        _ => {}
                    }
                }
                // VirtualBox.
                "Firmware" => {
                    is_uefi |= attribute(node, "type").is_some_and(|it| it.starts_with("EFI"));
                }
                _ => {}
            }
        }
        let controller =
            |item: &Node<'a, 'd>| Some((child_text(*item, "InstanceID")?, controller_bus(*item)?));
        let controllers = items.iter().filter_map(controller).collect();
        let firmware = match (is_uefi, is_secure) {
            (false, _) => OvfFirmware::Bios,
            (true, false) => OvfFirmware::Uefi,
            (true, true) => OvfFirmware::SecureUefi,
        };
        Self { items, controllers, systems, firmware }
    }

    /// Returns what the hardware names as the content of its disks, in order, and their buses.
    pub(super) fn attached_disks(&self) -> impl Iterator<Item = (&'a str, Option<OvfBus>)> {
        self.items_of(DISK).filter_map(|item| {
            let parent = child_text(item, "Parent");
            let bus = parent.and_then(|parent| self.controllers.get(parent).copied());
            Some((child_text(item, "HostResource")?, bus))
        })
    }

    /// Returns the machine if there is exactly one.
    pub(super) fn machine(&self) -> Option<OvfMachine> {
        let [system] = self.systems[..] else { return None };
        let name = child_text(system, "Name").filter(|name| !name.is_empty());
        let memory = self.last_of(MEMORY).and_then(|item| {
            let unit = bytes_of_unit(child_text(item, "AllocationUnits").unwrap_or_default())?;
            number(item, "VirtualQuantity")?.checked_mul(unit)
        });
        Some(OvfMachine {
            name: name.or(attribute(system, "id")).unwrap_or_default().to_owned(),
            memory: memory.filter(|memory| *memory > 0),
            cpus: self.last_of(PROCESSOR).and_then(processors),
            firmware: self.firmware,
            network_card: self.items_of(NETWORK_CARD).next().map(network_card),
        })
    }

    fn items_of(&self, kind: &'static str) -> impl Iterator<Item = Node<'a, 'd>> {
        let is_kind = move |item: &&Node<'a, 'd>| child_text(**item, "ResourceType") == Some(kind);
        self.items.iter().filter(is_kind).copied()
    }

    /// Returns the last item of a type: those of a configuration follow those of all.
    fn last_of(&self, kind: &'static str) -> Option<Node<'a, 'd>> {
        self.items_of(kind).last()
    }
}

/// Returns the configuration that is deployed if the user chooses none: the one that is marked, or the
/// first.
fn default_configuration<'a>(document: &'a Document<'_>) -> Option<&'a str> {
    let is_configuration = |node: &Node<'_, '_>| node.tag_name().name() == "Configuration";
    let mut all = document.descendants().filter(is_configuration).peekable();
    let first = all.peek().copied();
    let marked = all.find(|node| attribute(*node, "default") == Some("true"));
    attribute(marked.or(first)?, "id")
}

/// Returns whether an item belongs to the configuration, or to all.
fn is_chosen(item: Node<'_, '_>, chosen: Option<&str>) -> bool {
    match attribute(item, "configuration") {
        None => true,
        Some(own) => own.split_whitespace().any(|own| Some(own) == chosen),
    }
}

fn number(item: Node<'_, '_>, name: &str) -> Option<u64> {
    child_text(item, name)?.parse().ok()
}

/// Returns the processors of an item; VMware says how many of them are in a socket.
fn processors(item: Node<'_, '_>) -> Option<OvfCpus> {
    let count = u32::try_from(number(item, "VirtualQuantity")?).ok().filter(|count| *count > 0)?;
    let cores = number(item, "CoresPerSocket").and_then(|cores| u32::try_from(cores).ok());
    Some(match cores {
        Some(cores) if cores > 0 && count % cores == 0 => OvfCpus { sockets: count / cores, cores },
        _ => OvfCpus { sockets: 1, cores: count },
    })
}

/// Returns the bus of a controller.
fn controller_bus(item: Node<'_, '_>) -> Option<OvfBus> {
    let subtype = child_text(item, "ResourceSubType").unwrap_or_default().to_ascii_lowercase();
    match child_text(item, "ResourceType")? {
        SCSI | OTHER_STORAGE if subtype.contains("virtio") => Some(OvfBus::Virtio),
        IDE => Some(OvfBus::Ide),
        SCSI => Some(OvfBus::Scsi),
        OTHER_STORAGE if subtype.contains("nvme") => Some(OvfBus::Nvme),
        OTHER_STORAGE if subtype.contains("ahci") || subtype.contains("sata") => Some(OvfBus::Sata),
        _ => None,
    }
}

fn network_card(item: Node<'_, '_>) -> OvfNetworkCard {
    let model = child_text(item, "ResourceSubType").unwrap_or_default().to_ascii_lowercase();
    match model.as_str() {
        "e1000" => OvfNetworkCard::E1000,
        "e1000e" => OvfNetworkCard::E1000e,
        "pcnet32" => OvfNetworkCard::Pcnet,
        _ => OvfNetworkCard::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::ovf::Ovf;

    /// Parses a description with two disks and this hardware.
    fn parse(before: &str, hardware: &str) -> Ovf {
        let text = format!(
            "<Envelope xmlns:ovf=\"urn:o\" xmlns:rasd=\"urn:r\" xmlns:vmw=\"urn:v\"><References>\
             <File ovf:href=\"a\" ovf:id=\"a\"/><File ovf:href=\"b\" ovf:id=\"b\"/></References>\
             <DiskSection><Disk ovf:diskId=\"a\" ovf:fileRef=\"a\"/>\
             <Disk ovf:diskId=\"b\" ovf:fileRef=\"b\"/></DiskSection>{before}\
             <VirtualSystem ovf:id=\"vm\"><VirtualHardwareSection>{hardware}\
             </VirtualHardwareSection></VirtualSystem></Envelope>"
        );
        Ovf::parse(&text).unwrap()
    }

    fn item(attributes: &str, fields: &[(&str, &str)]) -> String {
        let field = |(name, text): &(&str, &str)| format!("<rasd:{name}>{text}</rasd:{name}>");
        let fields = fields.iter().map(field).collect::<Vec<_>>().concat();
        format!("<Item{attributes}>{fields}</Item>")
    }

    #[test]
    fn memory_and_processors_are_those_of_the_default_configuration() {
        let memory = |attributes: &str, quantity: &str| {
            let unit = ("AllocationUnits", "byte * 2^20");
            item(attributes, &[("ResourceType", "4"), ("VirtualQuantity", quantity), unit])
        };
        let cpus =
            item("", &[("ResourceType", "3"), ("VirtualQuantity", "8"), ("CoresPerSocket", "4")]);
        let check = |before: &str, hardware: &str, expected: (Option<u64>, Option<OvfCpus>)| {
            let machine = parse(before, hardware).machine.unwrap();
            assert_eq!((machine.memory, machine.cpus), expected, "{hardware}");
        };
        check("", "", (None, None));
        let eight = Some(OvfCpus { sockets: 2, cores: 4 });
        check("", &(memory("", "4096") + &cpus), (Some(4 << 30), eight));
        let large = memory(" ovf:configuration=\"large\"", "8192");
        let both = memory("", "4096") + &large;
        let options = "<DeploymentOptionSection><Configuration ovf:id=\"small\"/>\
                       <Configuration ovf:id=\"large\"/></DeploymentOptionSection>";
        check(options, &both, (Some(4 << 30), None));
        let marked = options.replace("\"large\"", "\"large\" ovf:default=\"true\"");
        check(&marked, &both, (Some(8 << 30), None));
        check("", &memory("", "99999999999999999"), (None, None));
        check("", &memory("", "0"), (None, None));
        let odd =
            item("", &[("ResourceType", "3"), ("VirtualQuantity", "3"), ("CoresPerSocket", "2")]);
        check("", &odd, (None, Some(OvfCpus { sockets: 1, cores: 3 })));
    }

    #[test]
    fn disks_have_the_buses_of_their_controllers() {
        let check = |kind: &str, subtype: &str, expected: Option<OvfBus>| {
            let controller =
                [("InstanceID", "3"), ("ResourceType", kind), ("ResourceSubType", subtype)];
            let disk = [("HostResource", "ovf:/disk/b"), ("Parent", "3"), ("ResourceType", "17")];
            let ovf = parse("", &(item("", &controller) + &item("", &disk)));
            assert_eq!((&*ovf.disks[0].file, ovf.disks[0].bus), ("b", expected), "{subtype}");
        };
        check("5", "PIIX4", Some(OvfBus::Ide));
        check("6", "lsilogic", Some(OvfBus::Scsi));
        check("6", "VirtualSCSI", Some(OvfBus::Scsi));
        check("20", "AHCI", Some(OvfBus::Sata));
        check("20", "vmware.sata.ahci", Some(OvfBus::Sata));
        check("20", "vmware.nvme.controller", Some(OvfBus::Nvme));
        check("20", "VirtioSCSI", Some(OvfBus::Virtio));
        check("23", "usb", None);
    }

    #[test]
    fn firmware_and_network_card_are_known() {
        let firmware = |text: &str| parse("", text).machine.unwrap().firmware;
        let config = |key: &str, value: &str| {
            format!("<vmw:Config vmw:key=\"{key}\" vmw:value=\"{value}\"/>")
        };
        let secure = "bootOptions.efiSecureBootEnabled";
        assert_eq!(firmware(""), OvfFirmware::Bios);
        assert_eq!(firmware(&config(secure, "true")), OvfFirmware::Bios);
        assert_eq!(firmware(&config("firmware", "efi")), OvfFirmware::Uefi);
        let both = config("firmware", "efi") + &config(secure, "true");
        assert_eq!(firmware(&both), OvfFirmware::SecureUefi);
        assert_eq!(firmware("<Firmware type=\"EFI\"/>"), OvfFirmware::Uefi);
        let card = |model: &str| {
            let fields = [("ResourceType", "10"), ("ResourceSubType", model)];
            parse("", &item("", &fields)).machine.unwrap().network_card
        };
        assert_eq!(card("E1000"), Some(OvfNetworkCard::E1000));
        assert_eq!(card("E1000e"), Some(OvfNetworkCard::E1000e));
        assert_eq!(card("PCNet32"), Some(OvfNetworkCard::Pcnet));
        assert_eq!(card("VmxNet3"), Some(OvfNetworkCard::Other));
        assert_eq!(parse("", "").machine.unwrap().network_card, None);
        let two = parse("<VirtualSystem ovf:id=\"other\"/>", "");
        assert_eq!((two.machine, two.disks.len()), (None, 2));
    }
}
