//! The **personalities** are the profiles of registries that people use. What each does is from their
//! documentation and the issues of their users; where these contradict each other, the worse is
//! taken.

use std::time::Duration;

use super::fault::{Fault, FaultRule, FaultTimes};
use super::profile::{
    AnonymousAccess, AuthScheme, BlobAccess, BlobStorage, DeletionPolicy, LocationForm,
    MountPolicy, Profile, RangePolicy, ReferrersPolicy, ReportedRange, RepositoryPolicy,
    ResumePolicy, TokenExpiry, TokenForm, Tokens,
};
use super::route::{RegistryPort, RequestKind};

/// What all have that do not say otherwise.
const TOKENS: Tokens = Tokens {
    lifetime: Duration::from_secs(300),
    expiry: TokenExpiry::Declared,
    form: TokenForm::Opaque,
    post_status: None,
    realm: RegistryPort::Front,
    anonymous: AnonymousAccess::Nothing,
};

impl Profile {
    /// distribution v3.
    pub const DISTRIBUTION_3: Self = Self {
        name: "distribution v3",
        auth: AuthScheme::None,
        user: Some("user"),
        password: "password",
        resume: ResumePolicy::Status,
        ranges: RangePolicy::Checked,
        reported_range: ReportedRange::Truth,
        patch_status: 202,
        location: LocationForm::Absolute,
        mount: MountPolicy::Any,
        blobs: BlobAccess::Served,
        repositories: RepositoryPolicy::Any,
        commit_time: Duration::ZERO,
        referrers: ReferrersPolicy::Unknown(404),
        deletion: DeletionPolicy::Tags,
        page_size: 100,
        keep: BlobStorage::Bytes(64 << 20),
        faults: &[],
    };

    /// distribution 2.8: Debian's `docker-registry`, `registry:2`.
    pub const DISTRIBUTION_2_8: Self = Self {
        name: "distribution 2.8",
        resume: ResumePolicy::Lost,
        ranges: RangePolicy::Ignored,
        ..Self::DISTRIBUTION_3
    };

    /// Harbor: 2.8 with tokens of half an hour.
    pub const HARBOR: Self = Self {
        name: "Harbor",
        auth: AuthScheme::Bearer(Tokens {
            lifetime: Duration::from_secs(1800),
            form: TokenForm::Jwt,
            post_status: Some(405),
            ..TOKENS
        }),
        user: Some("robot$ci"),
        ..Self::DISTRIBUTION_2_8
    };

    /// Quay: takes its time to put a blob together.
    pub const QUAY: Self = Self {
        name: "Quay",
        auth: AuthScheme::Bearer(Tokens {
            form: TokenForm::Jwt,
            post_status: Some(405),
            anonymous: AnonymousAccess::Pull,
            ..TOKENS
        }),
        mount: MountPolicy::From,
        commit_time: Duration::from_millis(700),
        ranges: RangePolicy::Refused,
        blobs: BlobAccess::Redirected,
        ..Self::DISTRIBUTION_2_8
    };

    /// GHCR.
    pub const GHCR: Self = Self {
        name: "GHCR",
        auth: AuthScheme::Bearer(Tokens {
            expiry: TokenExpiry::Undeclared,
            post_status: Some(404),
            ..TOKENS
        }),
        ranges: RangePolicy::Capped(4 << 20),
        location: LocationForm::Relative,
        blobs: BlobAccess::Redirected,
        ..Self::DISTRIBUTION_3
    };

    /// ECR, private.
    pub const ECR: Self = Self {
        name: "ECR",
        referrers: ReferrersPolicy::Listed,
        auth: AuthScheme::Basic,
        user: Some("AWS"),
        reported_range: ReportedRange::First,
        patch_status: 201,
        repositories: RepositoryPolicy::Made,
        blobs: BlobAccess::Redirected,
        ..Self::DISTRIBUTION_3
    };

    /// Google's Artifact Registry.
    pub const GAR: Self = Self {
        name: "GAR",
        auth: AuthScheme::Bearer(Tokens { post_status: Some(404), ..TOKENS }),
        user: Some("oauth2accesstoken"),
        ranges: RangePolicy::Refused,
        ..Self::DISTRIBUTION_2_8
    };

    /// Artifactory.
    pub const ARTIFACTORY: Self = Self {
        name: "Artifactory",
        auth: AuthScheme::Bearer(Tokens { post_status: Some(401), ..TOKENS }),
        mount: MountPolicy::Never,
        ..Self::DISTRIBUTION_2_8
    };

    /// GitLab: tokens of a minute.
    pub const GITLAB: Self = Self {
        name: "GitLab",
        auth: AuthScheme::Bearer(Tokens {
            lifetime: Duration::from_secs(60),
            expiry: TokenExpiry::Undeclared,
            form: TokenForm::Jwt,
            post_status: Some(404),
            realm: RegistryPort::Side,
            ..TOKENS
        }),
        ..Self::DISTRIBUTION_2_8
    };

    /// Docker Hub: tokens from another host, and now and then too many requests.
    pub const DOCKER_HUB: Self = Self {
        name: "Docker Hub",
        auth: AuthScheme::Bearer(Tokens {
            form: TokenForm::Jwt,
            post_status: Some(404),
            realm: RegistryPort::Side,
            anonymous: AnonymousAccess::Pull,
            ..TOKENS
        }),
        blobs: BlobAccess::Redirected,
        faults: &[
            FaultRule {
                kind: RequestKind::PutManifest,
                fault: Fault::RetrySeconds,
                times: FaultTimes::First(1),
            },
            FaultRule {
                kind: RequestKind::Tag,
                fault: Fault::RetrySeconds,
                times: FaultTimes::First(1),
            },
        ],
        ..Self::DISTRIBUTION_2_8
    };

    /// `OpenShift`'s own: any name, and a token for a password.
    pub const OPENSHIFT: Self = Self {
        name: "OpenShift",
        auth: AuthScheme::Bearer(Tokens {
            post_status: Some(405),
            realm: RegistryPort::Side,
            ..TOKENS
        }),
        user: None,
        password: "sha256~t0ken",
        location: LocationForm::Relative,
        ..Self::DISTRIBUTION_2_8
    };

    /// zot.
    pub const ZOT: Self = Self {
        name: "zot",
        auth: AuthScheme::Basic,
        reported_range: ReportedRange::TooMuch,
        location: LocationForm::Relative,
        referrers: ReferrersPolicy::Listed,
        page_size: 2,
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
        Self { auth: AuthScheme::Basic, ..self }
    }

    /// Returns it with tokens of this lifetime, from its own door.
    #[must_use]
    pub fn with_tokens(self, lifetime: Duration, expiry: TokenExpiry, form: TokenForm) -> Self {
        Self { auth: AuthScheme::Bearer(Tokens { lifetime, expiry, form, ..TOKENS }), ..self }
    }

    /// Returns the user's name and password, as `NAME:PASSWORD`.
    pub fn credentials(&self) -> String {
        format!("{}:{}", self.user.unwrap_or("anybody"), self.password)
    }
}
