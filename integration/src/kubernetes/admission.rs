//! What KubeVirt's webhook asks of a machine beyond its schema
//! (`pkg/virt-api/webhooks/validating-webhook/admitters`, `pkg/instancetype/preference/requirements`).

use serde_json::Value;

/// How a preference wants processors counted (`preferredCPUTopology`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Topology {
    Sockets,
    Cores,
    /// The product of sockets, cores and threads.
    Spread,
}

/// Preferences of kubevirt/common-instancetypes that differ in what they ask for: processors, memory
/// in MiB, and how processors are counted.
const PREFERENCES: [(&str, u64, u64, Topology); 8] = [
    ("fedora", 1, 2048, Topology::Sockets),
    ("oraclelinux", 2, 4096, Topology::Sockets),
    ("rhel.9", 1, 1536, Topology::Sockets),
    ("rhel.9.dpdk", 8, 1536, Topology::Spread),
    ("rhel.9.realtime", 4, 4096, Topology::Spread),
    ("windows.10.virtio", 1, 2048, Topology::Cores),
    ("windows.11", 2, 4096, Topology::Cores),
    ("windows.2k22", 1, 2048, Topology::Sockets),
];

/// Preferences that are for one architecture, and that one. A machine that has none gets it.
const ARCHITECTURES: [(&str, &str); 5] = [
    ("fedora", "amd64"),
    ("fedora.arm64", "arm64"),
    ("fedora.s390x", "s390x"),
    ("rhel.9", "amd64"),
    ("rhel.9.dpdk", "amd64"),
];

/// Panics where the webhook would refuse a machine for its preference.
pub(super) fn check_preference(spec: &Value) {
    let name = spec["preference"]["name"].as_str().unwrap_or_default();
    let bound = ARCHITECTURES.iter().find(|(known, _)| *known == name);
    if let Some((_, expected)) = bound {
        let architecture = &spec["template"]["spec"]["architecture"];
        assert!(architecture.is_null() || architecture == expected, "`{name}`: {architecture}");
    }
    let known = PREFERENCES.iter().find(|(known, ..)| *known == name);
    let (Some((_, cpus, memory, topology)), Value::Null) = (known, &spec["instancetype"]) else {
        return;
    };
    let domain = &spec["template"]["spec"]["domain"];
    // A machine that says nothing of them gets one of each; one that says something gets no more.
    let unsaid = u64::from(domain["cpu"].is_null());
    let count = |field: &str| domain["cpu"][field].as_u64().unwrap_or(unsaid);
    let counted = match topology {
        Topology::Sockets => count("sockets"),
        Topology::Cores => count("cores"),
        Topology::Spread => count("sockets") * count("cores") * count("threads"),
    };
    assert!(counted >= *cpus, "`{name}` wants {cpus} in {topology:?}: {domain:#}");
    let guest = domain["memory"]["guest"].as_str().unwrap();
    assert!(mebibytes(guest) >= *memory, "`{name}` wants {memory} MiB, not {guest}");
}

fn mebibytes(quantity: &str) -> u64 {
    match quantity.strip_suffix("Gi") {
        Some(number) => number.parse::<u64>().unwrap() << 10,
        None => quantity.strip_suffix("Mi").unwrap().parse().unwrap(),
    }
}

/// Panics where the webhook would refuse the firmware or the disks.
pub(super) fn check_devices(instance: &Value) {
    let domain = &instance["domain"];
    let efi = &domain["firmware"]["bootloader"]["efi"];
    let is_secure = efi.is_object() && efi["secureBoot"] != false;
    assert!(!is_secure || domain["features"]["smm"].is_object(), "secure boot needs SMM");
    let architecture = &instance["architecture"];
    let is_pc = architecture.is_null() || architecture == "amd64";
    assert!(is_pc || !is_secure, "only PCs have SMM: {architecture}");
    let disks: &[Value] = domain["devices"]["disks"].as_array().map_or(&[], Vec::as_slice);
    let mut orders: Vec<u64> = disks.iter().filter_map(|disk| disk["bootOrder"].as_u64()).collect();
    let count = orders.len();
    orders.sort_unstable();
    orders.dedup();
    assert_eq!(orders.len(), count, "two devices are first: {disks:?}");
    for disk in disks {
        let bus =
            if disk["cdrom"].is_null() { &disk["disk"]["bus"] } else { &disk["cdrom"]["bus"] };
        assert!(is_pc || bus != "sata", "{architecture} has no SATA: {disk}");
    }
}
