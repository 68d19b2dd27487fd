//! The *distance* between platforms tells which of an index's images one can run: as containerd's `platforms.Only` has it, but an
//! architecture is never another one. A disk for arm64 is none for arm.

use super::platform::Platform;

/// Tells how far from `wanted` an image's platform is, 0 for what fits best; nothing if it does not run there.
pub fn distance(wanted: &Platform, found: &Platform) -> Option<u32> {
    if (&wanted.os, &wanted.architecture) != (&found.os, &found.architecture) {
        return None;
    }
    let (want, have) = (wanted.variant.as_deref(), found.variant.as_deref());
    let level = |variant: Option<&str>, default| level(variant.unwrap_or(default));
    match wanted.architecture.as_str() {
        "arm" => level(want, "v7")?.checked_sub(level(have, "v7")?),
        "arm64" => level(want, "v8")?.checked_sub(level(have, "v8")?),
        // Who asks for none takes what there is, the lowest level first.
        "amd64" if want.is_none() => level(have, "v1"),
        "amd64" => level(want, "v1")?.checked_sub(level(have, "v1")?),
        _ if want.is_none() || have.is_none() => Some(u32::from(want != have)),
        _ => (want == have).then_some(0),
    }
}

/// `v8` is 800, `v8.2` is 802.
fn level(variant: &str) -> Option<u32> {
    let number = variant.strip_prefix('v')?;
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    let (major, minor): (u32, u32) = (major.parse().ok()?, minor.parse().ok()?);
    (major < 100 && minor < 100).then_some(major * 100 + minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_platform_is_chosen() {
        let check = |wanted: &str, found: &[&str], expected: Option<&str>| {
            let wanted: Platform = wanted.parse().unwrap();
            let distances = found
                .iter()
                .filter_map(|found| Some((distance(&wanted, &found.parse().unwrap())?, *found)));
            let best = distances.min_by_key(|(distance, _)| *distance).map(|(_, found)| found);
            assert_eq!(best, expected, "{wanted} of {found:?}");
        };
        check("linux/amd64", &["linux/arm64", "linux/amd64"], Some("linux/amd64"));
        check("linux/amd64", &["linux/amd64/v3", "linux/amd64"], Some("linux/amd64"));
        check("linux/amd64", &["linux/amd64/v3", "linux/amd64/v2"], Some("linux/amd64/v2"));
        check("linux/amd64", &["windows/amd64", "linux/386"], None);
        check("linux/amd64/v2", &["linux/amd64/v3", "linux/amd64"], Some("linux/amd64"));
        check("linux/amd64/v3", &["linux/amd64", "linux/amd64/v2"], Some("linux/amd64/v2"));
        check("linux/arm64", &["linux/arm64/v8"], Some("linux/arm64/v8"));
        check("linux/arm64/v8", &["linux/arm64"], Some("linux/arm64"));
        check("linux/arm64/v8", &["linux/arm64/v9"], None);
        check(
            "linux/arm64/v8.2",
            &["linux/arm64/v8", "linux/arm64/v8.1"],
            Some("linux/arm64/v8.1"),
        );
        check("linux/arm64", &["linux/arm/v7"], None);
        check("linux/arm", &["linux/arm/v5", "linux/arm/v6"], Some("linux/arm/v6"));
        check("linux/arm", &["linux/arm/v6", "linux/arm/v7"], Some("linux/arm/v7"));
        check("linux/arm/v6", &["linux/arm/v7"], None);
        check("linux/arm/v7", &["linux/arm"], Some("linux/arm"));
        check("linux/arm", &["linux/arm/x"], None);
        check("linux/ppc64le", &["linux/ppc64le/power8"], Some("linux/ppc64le/power8"));
        check("linux/ppc64le/power9", &["linux/ppc64le/power8"], None);
    }
}
