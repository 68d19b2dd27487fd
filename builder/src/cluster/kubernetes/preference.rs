//! The *preferences* that KubeVirt installs, as far as a machine without an instance type must meet
//! them: the webhook for virtual machines refuses a machine with fewer processors or less memory
//! than its preference requires (`pkg/instancetype/preference/requirements` in KubeVirt).
//!
//! The requirements are those of kubevirt/common-instancetypes, `preferences/*/requirements`.

use super::quantity::MIB;

/// Endings of names whose preferences require the same as the one without the ending.
const VARIANTS: [&str; 5] = [".virtio", ".desktop", ".secex", ".s390x", ".arm64"];

/// Names, number of processors, and memory in MiB.
const REQUIREMENTS: [(&str, u32, u64); 30] = [
    ("alpine", 1, 512),
    ("centos.stream10", 1, 1536),
    ("centos.stream9", 1, 1536),
    ("centos.stream9.dpdk", 8, 1536),
    ("cirros", 1, 256),
    ("debian", 1, 512),
    ("fedora", 1, 2048),
    ("opensuse.leap", 1, 2048),
    ("opensuse.tumbleweed", 1, 2048),
    ("oraclelinux", 2, 4096),
    ("rhel.10", 1, 1536),
    ("rhel.7", 1, 1024),
    ("rhel.8", 1, 1536),
    ("rhel.8.dpdk", 8, 1536),
    ("rhel.9", 1, 1536),
    ("rhel.9.dpdk", 8, 1536),
    ("rhel.9.realtime", 4, 4096),
    ("sles", 1, 2048),
    ("ubuntu", 1, 2048),
    ("windows.10", 1, 2048),
    ("windows.11", 2, 4096),
    ("windows.2k12", 1, 512),
    ("windows.2k16", 1, 2048),
    ("windows.2k19", 1, 2048),
    ("windows.2k22", 1, 2048),
    ("windows.2k25", 1, 2048),
    ("windows.2k3", 1, 256),
    ("windows.2k8", 1, 512),
    ("windows.7", 1, 2048),
    ("windows.xp", 1, 128),
];

/// Preferences that require an architecture, which is amd64 unless the name ends with another one.
const BOUND: [&str; 5] = ["fedora", "rhel.10", "rhel.9", "rhel.9.dpdk", "rhel.9.realtime"];

/// Endings of names for other architectures than amd64.
const OTHER_ARCHITECTURES: [&str; 2] = ["arm64", "s390x"];

/// Preferences whose `preferredCPUTopology` is `cores`: KubeVirt counts only cores for them.
const CORES: [&str; 2] = ["windows.10", "windows.11"];

/// Preferences with a firmware of their own that a machine must not replace: UEFI with secure boot,
/// for some of them kept from start to start (`preferredEfi`).
const FIRMWARE: [&str; 6] =
    ["windows.10", "windows.11", "windows.2k16", "windows.2k19", "windows.2k22", "windows.2k25"];

/// What a preference requires of a machine; processors and memory only where no instance type sets
/// them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreferenceRequirements {
    /// Number of processors.
    pub cpus: u32,
    /// Memory in bytes.
    pub memory: u64,
    /// GOARCH name of its architecture, if it has to be a certain one.
    pub architecture: Option<&'static str>,
}

impl PreferenceRequirements {
    /// Returns the requirements of a preference: one processor unless the name is known.
    pub fn of_preference(name: &str) -> Self {
        let architecture = required_architecture(name);
        let name = base_name(name);
        let known = REQUIREMENTS.iter().find(|(known, _, _)| *known == name);
        let (cpus, memory) = known.map_or((1, 0), |(_, cpus, memory)| (*cpus, *memory));
        Self { cpus, memory: memory * MIB, architecture }
    }
}

/// Returns the architecture that a preference requires: `checkArch` in
/// `pkg/instancetype/preference/requirements/arch.go`.
fn required_architecture(name: &str) -> Option<&'static str> {
    let other =
        OTHER_ARCHITECTURES.iter().find(|other| name.split('.').any(|part| part == **other));
    BOUND.contains(&base_name(name)).then(|| other.copied().unwrap_or("amd64"))
}

/// Returns the name without the endings of variants.
fn base_name(name: &str) -> &str {
    let shorter = VARIANTS.iter().find_map(|variant| name.strip_suffix(variant));
    shorter.map_or(name, base_name)
}

/// Returns whether KubeVirt counts the cores of a machine with this preference; it counts sockets,
/// or the product of sockets, cores and threads, for all others (`checkCPU` in
/// `pkg/instancetype/preference/requirements/cpu.go`, `GetPreferredTopology` in `…/apply/cpu.go`).
pub(super) fn counts_cores(name: &str) -> bool {
    CORES.contains(&base_name(name))
}

/// Returns whether a preference sets the firmware of its machines.
pub(super) fn sets_firmware(name: &str) -> bool {
    FIRMWARE.contains(&base_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences_require_what_kubevirt_checks() {
        let check = |name: &str, cpus: u32, memory: u64, cores: bool| {
            let found = PreferenceRequirements::of_preference(name);
            assert_eq!((found.cpus, found.memory), (cpus, memory * MIB), "{name}");
            assert_eq!(counts_cores(name), cores, "{name}");
        };
        check("fedora", 1, 2048, false);
        check("fedora.s390x.secex", 1, 2048, false);
        check("rhel.9.desktop", 1, 1536, false);
        check("rhel.9.dpdk", 8, 1536, false);
        check("centos.stream9.dpdk", 8, 1536, false);
        check("rhel.9.realtime", 4, 4096, false);
        check("oraclelinux", 2, 4096, false);
        check("windows.11", 2, 4096, true);
        check("windows.11.virtio", 2, 4096, true);
        check("windows.10.virtio", 1, 2048, true);
        check("windows.2k22.virtio", 1, 2048, false);
        check("linux.efi", 1, 0, false);
        check("of-the-user", 1, 0, false);
    }

    #[test]
    fn preferences_require_an_architecture() {
        let check = |name: &str, expected: Option<&str>| {
            let found = PreferenceRequirements::of_preference(name);
            assert_eq!(found.architecture, expected, "{name}");
        };
        check("fedora", Some("amd64"));
        check("fedora.arm64", Some("arm64"));
        check("fedora.s390x.secex", Some("s390x"));
        check("rhel.9.desktop", Some("amd64"));
        check("rhel.9.dpdk", Some("amd64"));
        check("rhel.10.s390x", Some("s390x"));
        check("rhel.8", None);
        check("windows.11.virtio", None);
        check("arm64", None);
    }
}
