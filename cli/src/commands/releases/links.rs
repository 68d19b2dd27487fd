//! The *links* of releases, and what the servers say of them.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use diskette_builder::net::http::HttpClient;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::upstream::{DiskLink, LinkAnswer, check_links};
use serde_json::{Value, json};

use super::FoundRelease;

/// The links of all releases, each with its answer.
pub(super) struct CheckedLinks {
    /// The links of each release.
    links: Vec<Vec<DiskLink>>,
    answers: BTreeMap<DiskLink, LinkAnswer>,
}

impl CheckedLinks {
    /// Asks for each link once, however many releases have it; `None` if the user cancels.
    pub(super) fn check(
        links: Vec<Vec<DiskLink>>,
        workers: NonZeroUsize,
        client: &HttpClient,
    ) -> Option<Self> {
        let mut known = BTreeSet::new();
        let all: Vec<&DiskLink> = links.iter().flatten().filter(|it| known.insert(*it)).collect();
        let answers = check_links(&all, workers.get(), client)?;
        let answers = all.into_iter().cloned().zip(answers).collect();
        Some(Self { links, answers })
    }

    /// Returns the links of each release with their answers.
    fn of_releases<'l, 'r>(
        &'l self,
        found: &'r [FoundRelease<'r>],
    ) -> impl Iterator<Item = (&'r FoundRelease<'r>, &'l DiskLink, &'l LinkAnswer)> {
        found.iter().zip(&self.links).flat_map(move |(release, links)| {
            links.iter().filter_map(move |link| Some((release, link, self.answers.get(link)?)))
        })
    }

    /// Returns a line for each link: image, version, platform, status, size, what is wrong, URL.
    pub(super) fn lines(&self, found: &[FoundRelease<'_>]) -> String {
        let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        let line = |(release, link, answer): (&FoundRelease<'_>, &DiskLink, &LinkAnswer)| {
            let status = or_dash(answer.status.map(|status| status.to_string()));
            let size = or_dash(answer.size.map(|size| size.to_string()));
            let state =
                answer.problem.as_ref().map_or_else(|| "ok".to_owned(), ToString::to_string);
            format!("{}\t{status}\t{size}\t{state}\t{}\n", release.name(), link.shown_url())
        };
        self.of_releases(found).map(line).collect()
    }

    /// Adds the links to the objects of releases.
    pub(super) fn add_json(&self, releases: &mut [Value]) {
        for (release, links) in releases.iter_mut().zip(&self.links) {
            let answers = links.iter().filter_map(|link| Some((link, self.answers.get(link)?)));
            let answers = answers.map(|(link, answer)| {
                let LinkAnswer { status, size, problem } = answer;
                let error = problem.as_ref().map(ToString::to_string);
                json!({ "url": link.shown_url(), "status": status, "size": size, "error": error })
            });
            release["links"] = answers.collect();
        }
    }

    /// Returns the errors of broken links.
    pub(super) fn problems(&self, found: &[FoundRelease<'_>]) -> Vec<Diagnostic> {
        let broken = self.of_releases(found).filter_map(|(release, link, answer)| {
            let problem = answer.problem.as_ref()?;
            let FoundRelease { entry, platform, .. } = release;
            let (image, platform, url) = (&entry.image, &platform.platform, link.shown_url());
            let message = format!("{image} for {platform}: the link {url} is broken: {problem}");
            let origin = release.platform.origin.clone();
            Some(Diagnostic::new(message).at(origin).help(problem.help()))
        });
        broken.collect()
    }
}
