//! *Package URLs*, by which tools know packages (<https://github.com/package-url/purl-spec>).

use std::fmt::Write as _;

use super::inventory::{OperatingSystem, Package, PackageKind};

/// Vendors whose names in package URLs are not the `ID` of their systems.
const VENDORS: [(&str, &str); 6] = [
    ("rhel", "redhat"),
    ("opensuse-leap", "opensuse"),
    ("opensuse-tumbleweed", "opensuse"),
    ("opensuse-microos", "opensuse"),
    ("sles", "suse"),
    ("sl-micro", "suse"),
];

/// Returns the URL of a package. Scanners look up vulnerabilities by the source package, which they find in
/// the qualifier `upstream`.
pub fn package_url(package: &Package, system: &OperatingSystem) -> String {
    let (kind, name) = match package.kind {
        PackageKind::Apk => ("apk", package.name.to_lowercase()),
        PackageKind::Deb => ("deb", package.name.to_lowercase()),
        PackageKind::Rpm => ("rpm", package.name.clone()),
    };
    let vendor = VENDORS.iter().find(|(id, _)| *id == system.id);
    let vendor = vendor.map_or(&*system.id, |(_, vendor)| vendor);
    let distro = match &system.version {
        Some(version) => format!("{}-{version}", system.id),
        None => system.id.clone(),
    };
    let upstream = package.source.as_ref().map(|source| match &source.version {
        Some(version) => format!("{}@{version}", source.name),
        None => source.name.clone(),
    });
    let epoch = package.epoch.map(|epoch| epoch.to_string());
    // In the order of their names.
    let qualifiers = [
        ("arch", package.architecture.as_deref()),
        ("distro", Some(&*distro)),
        ("epoch", epoch.as_deref()),
        ("upstream", upstream.as_deref()),
    ];
    let (vendor, name) = (encode(vendor), encode(&name));
    let mut url = format!("pkg:{kind}/{vendor}/{name}@{}", encode(&package.version));
    let mut separator = '?';
    for (key, value) in qualifiers {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            // Writing to a string does not fail.
            let _ok = write!(url, "{separator}{key}={}", encode(value));
            separator = '&';
        }
    }
    url
}

/// Encodes all but letters, digits and `.-_~:` in percent.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ok = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sbom::inventory::PackageSource;

    #[test]
    fn urls_are_those_of_the_specification() {
        let check =
            |kind, system: (&str, &str), package: [&str; 3], source: &str, expected: &str| {
                let [name, version, architecture] = package;
                let (epoch, version) = match version.split_once(':') {
                    Some((epoch, version)) if kind == PackageKind::Rpm => {
                        (epoch.parse().ok(), version)
                    }
                    _ => (None, version),
                };
                let source = source.split_once(' ').map(|(name, version)| PackageSource {
                    name: name.into(),
                    version: Some(version.to_owned()).filter(|it| !it.is_empty()),
                });
                let (name, version) = (name.to_owned(), version.to_owned());
                let architecture = Some(architecture.to_owned());
                let package =
                    Package { name, version, epoch, architecture, kind, source, license: None };
                let version = Some(system.1.to_owned()).filter(|it| !it.is_empty());
                let system = OperatingSystem { id: system.0.into(), version, ..Default::default() };
                assert_eq!(package_url(&package, &system), expected);
            };
        let (deb, rpm, apk) = (PackageKind::Deb, PackageKind::Rpm, PackageKind::Apk);
        let debian = ("debian", "12");
        check(
            deb,
            debian,
            ["attr", "1:2.4.47-2+b1", "amd64"],
            "",
            "pkg:deb/debian/attr@1:2.4.47-2%2Bb1?arch=amd64&distro=debian-12",
        );
        check(
            deb,
            debian,
            ["libstdc++6", "12.2.0-14", "arm64"],
            "gcc-12 12.2.0-14~1",
            "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14?arch=arm64&distro=debian-12&upstream=gcc-12%4012.2.0-14~1",
        );
        check(
            rpm,
            ("rhel", "9.4"),
            ["NetworkManager", "1:1.46.0-1.el9", "x86_64"],
            "",
            "pkg:rpm/redhat/NetworkManager@1.46.0-1.el9?arch=x86_64&distro=rhel-9.4&epoch=1",
        );
        check(
            rpm,
            ("opensuse-tumbleweed", ""),
            ["curl", "8.1-1^git", "i586"],
            "",
            "pkg:rpm/opensuse/curl@8.1-1%5Egit?arch=i586&distro=opensuse-tumbleweed",
        );
        check(
            apk,
            ("alpine", "3.19.1"),
            ["libcrypto3", "3.1.4-r5", "x86_64"],
            "openssl ",
            "pkg:apk/alpine/libcrypto3@3.1.4-r5?arch=x86_64&distro=alpine-3.19.1&upstream=openssl",
        );
    }
}
