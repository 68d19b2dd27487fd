//! The **personalities** are the profiles of registries that people use. What each does is from their
//! documentation and the issues of their users; where these contradict each other, the worse is
//! taken.

use std::time::Duration;

use super::fault::{Fault, Rule, Times};
use super::profile::{
    Anonymous, Auth, Blobs, Expiry, Form, Keep, Location, Mount, Profile, Ranges, Repositories,
    Resume, Tokens, Told,
};
use super::route::{Door, Kind};

/// What all have that do not say otherwise.
const TOKENS: Tokens = Tokens {
    lifetime: Duration::from_secs(300),
    expiry: Expiry::Told,
    form: Form::Opaque,
    post: None,
    realm: Door::Front,
    anonymous: Anonymous::Nothing,
};

impl Profile {
    /// distribution v3.
    pub const DISTRIBUTION_3: Self = Self {
        name: "distribution v3",
        auth: Auth::None,
        user: Some("user"),
        password: "password",
        resume: Resume::Status,
        ranges: Ranges::Checked,
        told: Told::Truth,
        patched: 202,
        location: Location::Absolute,
        mount: Mount::Any,
        blobs: Blobs::Served,
        repositories: Repositories::Any,
        commit: Duration::ZERO,
        page: 100,
        keep: Keep::Bytes(64 << 20),
        faults: &[],
    };

    /// distribution 2.8: Debian's `docker-registry`, `registry:2`.
    pub const DISTRIBUTION_2_8: Self = Self {
        name: "distribution 2.8",
        resume: Resume::Lost,
        ranges: Ranges::Ignored,
        ..Self::DISTRIBUTION_3
    };

    /// Harbor: 2.8 with tokens of half an hour.
    pub const HARBOR: Self = Self {
        name: "Harbor",
        auth: Auth::Bearer(Tokens {
            lifetime: Duration::from_secs(1800),
            form: Form::Jwt,
            post: Some(405),
            ..TOKENS
        }),
        user: Some("robot$ci"),
        ..Self::DISTRIBUTION_2_8
    };

    /// Quay: takes its time to put a blob together.
    pub const QUAY: Self = Self {
        name: "Quay",
        auth: Auth::Bearer(Tokens {
            form: Form::Jwt,
            post: Some(405),
            anonymous: Anonymous::Pull,
            ..TOKENS
        }),
        mount: Mount::From,
        commit: Duration::from_millis(700),
        ranges: Ranges::Refused,
        blobs: Blobs::Redirected,
        ..Self::DISTRIBUTION_2_8
    };

    /// GHCR.
    pub const GHCR: Self = Self {
        name: "GHCR",
        auth: Auth::Bearer(Tokens { expiry: Expiry::Untold, post: Some(404), ..TOKENS }),
        ranges: Ranges::Capped(4 << 20),
        location: Location::Relative,
        blobs: Blobs::Redirected,
        ..Self::DISTRIBUTION_3
    };

    /// ECR, private.
    pub const ECR: Self = Self {
        name: "ECR",
        auth: Auth::Basic,
        user: Some("AWS"),
        told: Told::First,
        patched: 201,
        repositories: Repositories::Made,
        blobs: Blobs::Redirected,
        ..Self::DISTRIBUTION_3
    };

    /// Google's Artifact Registry.
    pub const GAR: Self = Self {
        name: "GAR",
        auth: Auth::Bearer(Tokens { post: Some(404), ..TOKENS }),
        user: Some("oauth2accesstoken"),
        ranges: Ranges::Refused,
        ..Self::DISTRIBUTION_2_8
    };

    /// Artifactory.
    pub const ARTIFACTORY: Self = Self {
        name: "Artifactory",
        auth: Auth::Bearer(Tokens { post: Some(401), ..TOKENS }),
        mount: Mount::Never,
        ..Self::DISTRIBUTION_2_8
    };

    /// GitLab: tokens of a minute.
    pub const GITLAB: Self = Self {
        name: "GitLab",
        auth: Auth::Bearer(Tokens {
            lifetime: Duration::from_secs(60),
            expiry: Expiry::Untold,
            form: Form::Jwt,
            post: Some(404),
            realm: Door::Side,
            ..TOKENS
        }),
        ..Self::DISTRIBUTION_2_8
    };

    /// Docker Hub: tokens from another host, and now and then too many requests.
    pub const DOCKER_HUB: Self = Self {
        name: "Docker Hub",
        auth: Auth::Bearer(Tokens {
            form: Form::Jwt,
            post: Some(404),
            realm: Door::Side,
            anonymous: Anonymous::Pull,
            ..TOKENS
        }),
        blobs: Blobs::Redirected,
        faults: &[
            Rule { kind: Kind::PutManifest, fault: Fault::RetrySeconds, times: Times::First(1) },
            Rule { kind: Kind::Tag, fault: Fault::RetrySeconds, times: Times::First(1) },
        ],
        ..Self::DISTRIBUTION_2_8
    };

    /// `OpenShift`'s own: any name, and a token for a password.
    pub const OPENSHIFT: Self = Self {
        name: "OpenShift",
        auth: Auth::Bearer(Tokens { post: Some(405), realm: Door::Side, ..TOKENS }),
        user: None,
        password: "sha256~t0ken",
        location: Location::Relative,
        ..Self::DISTRIBUTION_2_8
    };

    /// zot.
    pub const ZOT: Self = Self {
        name: "zot",
        auth: Auth::Basic,
        told: Told::TooMuch,
        location: Location::Relative,
        page: 2,
        ..Self::DISTRIBUTION_3
    };

    /// Every kind there is.
    pub const ALL: [Self; 12] = [
        Self::DISTRIBUTION_2_8,
        Self::DISTRIBUTION_3,
        Self::HARBOR,
        Self::QUAY,
        Self::GHCR,
        Self::ECR,
        Self::GAR,
        Self::ARTIFACTORY,
        Self::GITLAB,
        Self::DOCKER_HUB,
        Self::OPENSHIFT,
        Self::ZOT,
    ];

    /// Returns it with a password asked for.
    #[must_use]
    pub fn with_basic(self) -> Self {
        Self { auth: Auth::Basic, ..self }
    }

    /// Returns it with tokens of this lifetime, from its own door.
    #[must_use]
    pub fn with_tokens(self, lifetime: Duration, expiry: Expiry, form: Form) -> Self {
        Self { auth: Auth::Bearer(Tokens { lifetime, expiry, form, ..TOKENS }), ..self }
    }

    /// Returns the user's name and password, as `NAME:PASSWORD`.
    pub fn credentials(&self) -> String {
        format!("{}:{}", self.user.unwrap_or("anybody"), self.password)
    }
}
