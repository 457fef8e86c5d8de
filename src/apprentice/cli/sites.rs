//! `apprentice sites`: looking at call sites and steering them.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Args)]
pub(crate) struct AdminAccess {
    #[command(flatten)]
    pub(crate) listener: AdminListener,
    /// File with the admin token; the environment variable APPRENTICE_ADMIN_TOKEN goes before it.
    #[arg(long, global = true, default_value = "data/admin-token")]
    pub(crate) token_file: PathBuf,
}

#[derive(Args)]
pub(crate) struct AdminListener {
    /// Address of the admin listener.
    #[arg(long, global = true, default_value = "http://127.0.0.1:8081")]
    pub(crate) admin: String,
    /// PEM file with the only certificates to trust where --admin begins with https; without it those that this machine trusts.
    #[arg(long, global = true)]
    pub(crate) ca_file: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Sites {
    #[command(flatten)]
    pub(crate) access: AdminAccess,
    /// Why, for the log.
    #[arg(long, global = true)]
    pub(crate) reason: Option<String>,
    /// Who asks, for the log; the user's name otherwise.
    #[arg(long, global = true)]
    pub(crate) actor: Option<String>,
    #[command(subcommand)]
    pub(crate) action: Option<SitesAction>,
}

#[derive(Subcommand)]
pub(crate) enum SitesAction {
    /// One line for each site.
    List,
    /// The same, again every two seconds until it is interrupted.
    Watch,
    /// Everything about one site, as JSON.
    Show { site: String },
    /// Release a hold, or take the next step past a pause or a gate if the evidence suffices.
    Promote { site: String },
    /// The teacher answers until the hold is released.
    Hold { site: String },
    /// Stay at the present weight: nothing moves forward, rollbacks do.
    Pause { site: String },
    /// End a pause.
    Resume { site: String },
    /// Back into Shadow and stay there until resumed: compared, not served.
    Shadow { site: String },
    /// Offer a student no more than this share of the requests; 1 lifts the cap.
    Cap { site: String, share: f64 },
    /// Back to the teacher at once and discard the version, or back to a version that was proven here.
    Rollback {
        site: String,
        #[arg(long)]
        to: Option<String>,
    },
    /// Never use a version again.
    Discard { site: String, version: String },
    /// Say whether an answer of the student's was `good` or `bad`; the request's id stands in its `x-apprentice-request-id`.
    Rate {
        site: String,
        request: String,
        verdict: RatingVerdict,
        /// Who answered, as `x-apprentice-model` said behind the `@`; needed where the request was not audited.
        #[arg(long)]
        version: Option<String>,
    },
    /// Begin a lesson as soon as none runs.
    Train { site: String },
    /// End the lesson that runs; it counts as one that came to nothing.
    Cancel { site: String },
    /// Every version: what it is to the hand-over, what it learnt from, its files' hashes.
    Versions { site: String },
    /// What people said of answers, as JSON lines to learn from: TRL's preferences, or labels for KTO.
    Labels {
        site: String,
        #[arg(long, value_enum, default_value_t)]
        form: LabelForm,
    },
    /// Call sites that no client names and that were found: their templates, three samples each, what varies.
    Found {
        /// Everything about one of them, as JSON.
        site: Option<String>,
    },
    /// Give a found site a name. Its exchanges stay, its evidence begins anew.
    Name { site: String, name: String },
    /// Put the requests of one found site to another. The exchanges of both stay, the evidence begins anew.
    Merge { site: String, into: String },
    /// Take a merge back, or tell the texts of one found site apart as soon as each has prompts enough.
    Split { site: String },
    /// Treat a found site's requests like those of `default`, until it is given a name.
    Ignore { site: String },
}

/// Of which form lines of labels are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LabelForm {
    /// Two answers to one prompt, one of them better.
    #[default]
    Preference,
    /// One answer, good or bad.
    Kto,
}

/// What a person says of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RatingVerdict {
    Good,
    Bad,
}
