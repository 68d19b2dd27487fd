//! Chooses the image of an index for a platform that the user asks for: the *nearest*, as
//! containerd's `platforms.Only` does
//! (<https://github.com/containerd/platforms/blob/main/compare.go>), but never one of another
//! architecture: a disk for arm64 does not boot on arm. All commands choose by this module.
//!
//! - A variant may be left out where the architecture has a default: `linux/arm64` is
//!   `linux/arm64/v8`, `linux/arm` is `linux/arm/v7`, `linux/amd64` is `linux/amd64/v1`.
//! - A lower variant runs too, and the nearest is chosen: `linux/arm/v7` finds `linux/arm/v6` if
//!   there is nothing nearer.
//! - Of several that are equally near the first in the index is chosen.
//! - If the index declares no platform, that of the config counts. An image without either is
//!   chosen only if it is the only one.

use std::fmt;

use super::platform::Platform;

/// Number of platforms that a message lists at most.
const LISTED_MAX: usize = 32;

/// There is no image for a platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformNotFound {
    /// Name of the image.
    pub image: String,
    /// The platform that was asked for.
    pub wanted: Platform,
    /// The platforms of the images that exist.
    pub found: Vec<Platform>,
}

impl fmt::Display for PlatformNotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { image, wanted, found } = self;
        // Indexes and configs are untrusted: control characters are escaped.
        let listed = found.iter().take(LISTED_MAX);
        let names: Vec<String> =
            listed.map(|name| name.to_string().escape_debug().to_string()).collect();
        let more = if found.len() > LISTED_MAX { ", …" } else { "" };
        let names = if names.is_empty() { "none".into() } else { names.join(", ") };
        write!(f, "`{image}` has no image for {wanted}; it has {names}{more}")
    }
}

impl std::error::Error for PlatformNotFound {}

/// Returns the number of the image that is nearest to `wanted`. `platforms` yields the platform of
/// each image, none if neither index nor config declares one; it is read no further than necessary.
/// `image` is the name of the whole image in messages.
pub fn find_nearest<E>(
    image: &str,
    wanted: &Platform,
    platforms: impl IntoIterator<Item = Result<Option<Platform>, E>>,
) -> Result<Result<usize, PlatformNotFound>, E> {
    let mut best: Option<(u32, usize)> = None;
    let (mut found, mut count) = (Vec::new(), 0);
    for platform in platforms {
        let platform = platform?;
        let distance = platform.as_ref().and_then(|platform| distance(wanted, platform));
        if let Some(distance) = distance
            && best.is_none_or(|(nearest, _)| distance < nearest)
        {
            best = Some((distance, count));
        }
        if distance == Some(0) {
            break;
        }
        found.extend(platform);
        count += 1;
    }
    let only = (count == 1 && found.is_empty()).then_some(0);
    let number = best.map(|(_, number)| number).or(only);
    let not_found = || PlatformNotFound { image: image.into(), wanted: wanted.clone(), found };
    Ok(number.ok_or_else(not_found))
}

/// Returns whether two platforms are the same, apart from variants that may be left out.
pub(crate) fn is_same_platform(a: &Platform, b: &Platform) -> bool {
    distance(a, b) == Some(0) && distance(b, a) == Some(0)
}

/// Returns the distance of an image's platform from `wanted`, 0 for the best match; none if the
/// image does not run there.
fn distance(wanted: &Platform, found: &Platform) -> Option<u32> {
    if wanted == found {
        return Some(0);
    }
    if (&wanted.os, &wanted.architecture) != (&found.os, &found.architecture) {
        return None;
    }
    let (want, have) = (wanted.variant.as_deref(), found.variant.as_deref());
    let level = |variant: Option<&str>, default| parse_level(variant.unwrap_or(default));
    match wanted.architecture.as_str() {
        "arm" => level(want, "v7")?.checked_sub(level(have, "v7")?),
        "arm64" => level(want, "v8")?.checked_sub(level(have, "v8")?),
        // If no level is asked for, any matches, the lowest first.
        "amd64" if want.is_none() => level(have, "v1")?.checked_sub(level(None, "v1")?),
        "amd64" => level(want, "v1")?.checked_sub(level(have, "v1")?),
        _ if want.is_none() || have.is_none() => Some(u32::from(want != have)),
        _ => (want == have).then_some(0),
    }
}

/// Returns a variant as a number: `v8` is 800, `v8.2` is 802.
fn parse_level(variant: &str) -> Option<u32> {
    let number = variant.strip_prefix('v')?;
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    let (major, minor): (u32, u32) = (major.parse().ok()?, minor.parse().ok()?);
    (major < 100 && minor < 100).then_some(major * 100 + minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A platform of `-` is one that nothing declares.
    fn platforms(found: &[&str]) -> Vec<Result<Option<Platform>, ()>> {
        found.iter().map(|found| Ok((*found != "-").then(|| found.parse().unwrap()))).collect()
    }

    #[test]
    fn the_nearest_platform_is_chosen() {
        let check = |wanted: &str, found: &[&str], expected: Option<&str>| {
            let number = find_nearest("a", &wanted.parse().unwrap(), platforms(found)).unwrap();
            let best = number.ok().map(|number| found[number]);
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
        check("linux/arm/x", &["linux/arm", "linux/arm/x"], Some("linux/arm/x"));
        check("linux/ppc64le", &["linux/ppc64le/power8"], Some("linux/ppc64le/power8"));
        check("linux/ppc64le/power9", &["linux/ppc64le/power8"], None);
        check("linux/riscv64", &["linux/riscv64/rva22", "linux/riscv64"], Some("linux/riscv64"));
        // What nothing declares is taken only if there is nothing else.
        check("linux/arm64", &["-"], Some("-"));
        check("linux/arm64", &["-", "-"], None);
        check("linux/arm64", &["-", "linux/amd64"], None);
        check("linux/arm64", &["-", "linux/arm64/v8"], Some("linux/arm64/v8"));
        check("linux/arm64", &[], None);
    }

    #[test]
    fn variants_that_may_be_left_out_make_no_difference() {
        let check = |a: &str, b: &str, expected: bool| {
            let (a, b) = (a.parse().unwrap(), b.parse().unwrap());
            assert_eq!(
                (is_same_platform(&a, &b), is_same_platform(&b, &a)),
                (expected, expected),
                "{a} {b}"
            );
        };
        check("linux/arm64", "linux/arm64/v8", true);
        check("linux/arm", "linux/arm/v7", true);
        check("linux/amd64", "linux/amd64/v1", true);
        check("linux/arm/x", "linux/arm/x", true);
        check("linux/amd64", "linux/amd64/v2", false);
        check("linux/arm/v6", "linux/arm/v7", false);
        check("linux/arm64", "linux/amd64", false);
        check("linux/ppc64le", "linux/ppc64le/power9", false);
    }

    #[test]
    fn of_equally_near_images_the_first_is_chosen() {
        let check = |wanted: &str, found: &[&str], expected: usize| {
            let number = find_nearest("a", &wanted.parse().unwrap(), platforms(found)).unwrap();
            assert_eq!(number, Ok(expected), "{wanted} of {found:?}");
        };
        check("linux/amd64", &["linux/amd64", "linux/amd64"], 0);
        check("linux/arm64", &["linux/amd64", "linux/arm64/v8", "linux/arm64"], 1);
        check("linux/arm64/v8", &["linux/arm64", "linux/arm64/v8"], 0);
        check("linux/amd64/v3", &["linux/amd64/v2", "linux/amd64", "linux/amd64/v2"], 0);
        check("linux/ppc64le", &["linux/ppc64le/power8", "linux/ppc64le/power9"], 0);
    }

    #[test]
    fn nothing_is_asked_behind_what_fits_best() {
        let mut all = platforms(&["linux/arm64", "linux/amd64"]);
        all.push(Err(()));
        let choose = |wanted: &str, all| find_nearest("a", &wanted.parse().unwrap(), all);
        assert_eq!(choose("linux/amd64", all.clone()), Ok(Ok(1)));
        assert_eq!(choose("linux/amd64/v2", all), Err(()));
    }

    #[test]
    fn what_there_is_is_listed() {
        let check = |found: &[&str], expected: &str| {
            let error = find_nearest("q.io/a:1", &"linux/s390x".parse().unwrap(), platforms(found));
            let expected = format!("`q.io/a:1` has no image for linux/s390x; it has {expected}");
            assert_eq!(error.unwrap().unwrap_err().to_string(), expected);
        };
        check(&[], "none");
        check(&["-", "-"], "none");
        check(&["linux/amd64", "-", "linux/arm/v7"], "linux/amd64, linux/arm/v7");
        let many = vec!["linux/arm/v6"; 33];
        check(&many, &format!("{}, …", vec!["linux/arm/v6"; 32].join(", ")));
        let hostile = Platform { os: "\u{1b}[2J".into(), architecture: "x".into(), variant: None };
        let wanted = "linux/s390x".parse().unwrap();
        let error = PlatformNotFound { image: "a".into(), wanted, found: vec![hostile] };
        assert!(error.to_string().ends_with("it has \\u{1b}[2J/x"), "{error}");
    }
}
