//! The *settings* of this user: proxies, `registries.conf`, auth files and certificates. Commands
//! read them when a request needs them; here all are read.

use std::collections::BTreeSet;

use diskette_builder::net::http::{ServerRole, TlsTrust as _};
use diskette_builder::net::proxy::Proxies;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::settings::{SettingsFiles as _, certs};

use super::{DoctorFinding, Health};
use crate::arguments::registry::RegistryArguments;
use crate::credentials::{System, settings_loader, user_credentials};
use crate::environment::Environment;
use crate::error::CommandError;

pub(super) fn examine_settings(
    arguments: &RegistryArguments,
    environment: &Environment,
) -> Result<Vec<DoctorFinding>, CommandError> {
    let mut findings = examine_proxies(environment);
    findings.extend(examine_registries_conf(environment));
    let authfile = arguments.authfile().map(ToOwned::to_owned);
    let credentials = user_credentials(environment, Vec::new(), authfile);
    for error in credentials.problems() {
        findings.push(problem("credentials", &error.diagnostic()));
    }
    findings.extend(examine_certificates(arguments, environment)?);
    Ok(findings)
}

fn problem(subject: &str, diagnostic: &Diagnostic) -> DoctorFinding {
    let help = diagnostic.help.first().map(|help| format!("; {help}")).unwrap_or_default();
    DoctorFinding::new(Health::Bad, subject, format!("{diagnostic}{help}"))
}

fn examine_proxies(environment: &Environment) -> Vec<DoctorFinding> {
    let variables = &environment.proxies;
    let problems = Proxies::new(variables).problems();
    let mut findings: Vec<_> = problems
        .iter()
        .map(|error| problem("proxy", &Diagnostic::new(error.to_string()).help(error.help())))
        .collect();
    if variables.all.is_some() && (variables.http.is_none() || variables.https.is_none()) {
        findings.push(DoctorFinding::new(
            Health::Doubtful,
            "proxy",
            "`ALL_PROXY` is used here; podman, skopeo and docker do not read it",
        ));
    }
    findings
}

fn examine_registries_conf(environment: &Environment) -> Vec<DoctorFinding> {
    let problems = match settings_loader(environment)() {
        Ok(settings) => settings.problems().cloned().collect(),
        Err(problems) => problems,
    };
    problems.iter().map(|it| problem("registries.conf", it)).collect()
}

/// Reads the certificates of each registry that has a directory in `certs.d`.
fn examine_certificates(
    arguments: &RegistryArguments,
    environment: &Environment,
) -> Result<Vec<DoctorFinding>, CommandError> {
    let trusted = arguments.certificates(environment)?;
    let directories = certs::parent_directories(environment.registries.home.as_deref());
    // A directory that cannot be listed is skipped, as when a registry is contacted.
    let listed = directories.iter().filter_map(|dir| System.list(dir).ok().flatten());
    let registries: BTreeSet<String> = listed.flatten().collect();
    let failed = registries
        .iter()
        .filter_map(|registry| trusted.for_host(registry, ServerRole::Registry).err());
    Ok(failed.map(|error| DoctorFinding::new(Health::Bad, "certs.d", error)).collect())
}
