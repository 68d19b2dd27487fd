//! The *cluster* that an image is for: its KubeVirt and its container runtime.

use std::str::FromStr;

use crate::cluster::contract::{
    ARTIFACT_KUBEVIRT, ARTIFACT_RUNTIME, Finding, Findings, VM_KUBEVIRT,
};
use crate::oci::image::platform::Platform;

/// First version of KubeVirt that boots from a disk artifact (kubevirt/kubevirt#18491).
const KUBEVIRT_MIN: (u32, u32) = (1, 10);

/// First version of KubeVirt that imports VM artifacts (VEP 395 in kubevirt/enhancements).
const IMPORT_MIN: (u32, u32) = (1, 10);

/// What is known of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClusterTarget {
    /// Version of KubeVirt, major and minor.
    pub kubevirt: Option<(u32, u32)>,
    /// Container runtime of the nodes.
    pub runtime: Option<ContainerRuntime>,
}

/// A container runtime of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerRuntime {
    /// CRI-O, which mounts artifacts as volumes.
    CriO,
    /// containerd, which does not.
    Containerd,
}

impl FromStr for ClusterTarget {
    type Err = String;

    /// Parses `kubevirt=1.10,runtime=crio`.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut target = Self::default();
        for field in text.split(',') {
            match field.split_once('=') {
                Some(("kubevirt", version)) if target.kubevirt.is_none() => {
                    target.kubevirt = Some(parse_version(version)?);
                }
                Some(("runtime", name)) if target.runtime.is_none() => {
                    target.runtime = Some(parse_runtime(name)?);
                }
                Some((key @ ("kubevirt" | "runtime"), _)) => {
                    return Err(format!("`{key}` is given twice"));
                }
                _ => {
                    return Err(format!(
                        "`{field}` is neither `kubevirt=VERSION` nor `runtime=NAME`"
                    ));
                }
            }
        }
        Ok(target)
    }
}

fn parse_version(text: &str) -> Result<(u32, u32), String> {
    let mut numbers = text.strip_prefix('v').unwrap_or(text).split('.');
    let mut number = || numbers.next().and_then(|number| number.parse().ok());
    let version = number().zip(number());
    version.ok_or_else(|| format!("`{text}` is no version of KubeVirt, e.g. 1.10"))
}

fn parse_runtime(text: &str) -> Result<ContainerRuntime, String> {
    match text {
        "crio" | "cri-o" => Ok(ContainerRuntime::CriO),
        "containerd" => Ok(ContainerRuntime::Containerd),
        _ => Err(format!("`{text}` is no container runtime; `crio` and `containerd` are")),
    }
}

/// Judges whether a cluster can boot from a disk artifact.
pub(crate) fn judge_target(platform: Option<&Platform>, target: &ClusterTarget) -> Vec<Finding> {
    let mut findings = Findings::new(platform.cloned());
    if let Some((major, minor)) = target.kubevirt.filter(|version| *version < KUBEVIRT_MIN) {
        findings.add(&ARTIFACT_KUBEVIRT, "manifest", format!("KubeVirt is {major}.{minor}"));
    }
    if target.runtime == Some(ContainerRuntime::Containerd) {
        findings.add(&ARTIFACT_RUNTIME, "manifest", "the runtime is containerd");
    }
    findings.into_sorted()
}

/// Judges whether a cluster imports a VM artifact itself.
pub(crate) fn judge_import(platform: Option<&Platform>, target: &ClusterTarget) -> Vec<Finding> {
    let mut findings = Findings::new(platform.cloned());
    if let Some((major, minor)) = target.kubevirt.filter(|version| *version < IMPORT_MIN) {
        findings.add(&VM_KUBEVIRT, "manifest", format!("KubeVirt is {major}.{minor}"));
    }
    findings.into_sorted()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_parsed_and_judged() {
        let check = |text: &str, expected: &[&str]| {
            let target = text.parse::<ClusterTarget>().unwrap();
            let found = judge_target(None, &target);
            let found: Vec<&str> = found.iter().map(|finding| finding.rule.id).collect();
            assert_eq!(found, expected, "{text}");
        };
        check("kubevirt=1.10", &[]);
        check("kubevirt=v1.10.0-rc.1,runtime=crio", &[]);
        check("runtime=cri-o,kubevirt=2.0", &[]);
        check("kubevirt=1.9.2", &["artifact-kubevirt"]);
        check("kubevirt=1.10,runtime=containerd", &["artifact-runtime"]);
        check("runtime=containerd,kubevirt=0.59", &["artifact-kubevirt", "artifact-runtime"]);
    }

    #[test]
    fn what_is_no_target_is_refused() {
        let check = |text: &str, expected: &str| {
            assert_eq!(text.parse::<ClusterTarget>(), Err(expected.into()), "{text}");
        };
        check("", "`` is neither `kubevirt=VERSION` nor `runtime=NAME`");
        check("kubevirt", "`kubevirt` is neither `kubevirt=VERSION` nor `runtime=NAME`");
        check("cdi=1.60", "`cdi=1.60` is neither `kubevirt=VERSION` nor `runtime=NAME`");
        check("kubevirt=latest", "`latest` is no version of KubeVirt, e.g. 1.10");
        check("kubevirt=1", "`1` is no version of KubeVirt, e.g. 1.10");
        check("kubevirt=1.9,kubevirt=1.10", "`kubevirt` is given twice");
        check("runtime=docker", "`docker` is no container runtime; `crio` and `containerd` are");
    }
}
