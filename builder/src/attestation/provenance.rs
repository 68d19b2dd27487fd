//! The *provenance* of an image says what it was built from, with which options, and by what
//! (<https://slsa.dev/spec/v1.0/provenance>). It has no times unless they are asked for, so that the same build has the same provenance.

use serde_json::{Map, Value, json};

use super::resource::ResourceDescriptor;
use crate::oci::image::time::Timestamp;
use crate::signature::statement::Predicate;

/// Type of the predicate.
pub const PROVENANCE: &str = "https://slsa.dev/provenance/v1";

/// How to read the parameters of a provenance.
const BUILD_TYPE: &str =
    concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/attestations.md#v1");

/// What has built the image.
const BUILDER_ID: &str = env!("CARGO_PKG_REPOSITORY");

/// What was asked for in a build.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BuildParameters {
    /// What the user chose: the spec or the Dockerfile with its digest, and the options that change the image.
    pub external: Map<String, Value>,
}

/// Tells when a build began, and what time it is, if provenance has times.
#[derive(Clone, Copy)]
pub struct BuildClock<'a> {
    /// When the build began.
    pub started: Timestamp,
    /// Returns what time it is.
    pub now: &'a (dyn Fn() -> Timestamp + Sync),
}

/// When a build began, and when it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BuildTimes {
    started: Timestamp,
    finished: Timestamp,
}

impl BuildClock<'_> {
    /// Returns the times of a build that is done now.
    pub(crate) fn times(&self) -> BuildTimes {
        BuildTimes { started: self.started, finished: (self.now)() }
    }
}

impl std::fmt::Debug for BuildClock<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BuildClock").field("started", &self.started).finish_non_exhaustive()
    }
}

/// What a build has made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BuildFacts<'a> {
    pub(crate) parameters: &'a BuildParameters,
    /// The platform; none of an index.
    pub(crate) platform: Option<String>,
    /// What follows from the input and the version of the program.
    pub(crate) internal: Value,
    /// What was read, sorted.
    pub(crate) resources: &'a [ResourceDescriptor],
    /// When it was built, if that is stated.
    pub(crate) times: Option<BuildTimes>,
}

/// Returns the provenance of an image.
pub(crate) fn compose_provenance(facts: &BuildFacts<'_>) -> serde_json::Result<Predicate> {
    let mut external = facts.parameters.external.clone();
    if let Some(platform) = &facts.platform {
        external.insert("platform".into(), platform.as_str().into());
    }
    let mut value = json!({
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": external,
            "internalParameters": facts.internal,
            "resolvedDependencies": serde_json::to_value(facts.resources)?,
        },
        "runDetails": {
            "builder": { "id": BUILDER_ID, "version": { "diskette": env!("CARGO_PKG_VERSION") } },
        },
    });
    if let Some(BuildTimes { started, finished }) = facts.times {
        value["runDetails"]["metadata"] =
            json!({ "startedOn": started.to_string(), "finishedOn": finished.to_string() });
    }
    Ok(Predicate { kind: PROVENANCE.into(), value })
}
