//! The *limits* that registries are known to have, which are reported before an upload starts.

/// The largest layer of a registry in bytes, by its name or the end of its name.
const LIMITS: &[(&str, u64)] = &[
    // https://docs.github.com/packages, "Working with the Container registry", troubleshooting.
    ("ghcr.io", 10_000_000_000),
    // Quay's MAXIMUM_LAYER_SIZE, unless an installation sets another.
    ("quay.io", 20 << 30),
    // https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
    (".amazonaws.com", 52_000 << 20),
    ("public.ecr.aws", 10_000 << 20),
];

/// Returns the largest layer that a registry accepts, in bytes, where that is known.
pub(super) fn layer_limit(registry: &str) -> Option<u64> {
    let limit = LIMITS.iter().find(|(name, _)| match name.strip_prefix('.') {
        Some(_) => registry.ends_with(name),
        None => registry == *name,
    });
    limit.map(|(_, limit)| *limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_registries_have_limits() {
        let check = |registry: &str, expected: Option<u64>| {
            assert_eq!(layer_limit(registry), expected, "{registry}");
        };
        check("ghcr.io", Some(10_000_000_000));
        check("1.dkr.ecr.eu-west-1.amazonaws.com", Some(52_000 << 20));
        check("public.ecr.aws", Some(10_000 << 20));
        check("notghcr.io", None);
        check("registry.x", None);
    }
}
