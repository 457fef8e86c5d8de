//! Why a student's server cannot be used.

use std::path::PathBuf;
use std::time::Duration;

/// A failure of a student's server, or of what it was given.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The message names what was tried and the path.
    #[error(transparent)]
    Adapter(#[from] std::io::Error),
    #[error("student.remote.url `{url}` {problem}; it looks like http://gpu-1:8000")]
    Address { url: String, problem: String },
    #[error("{0}")]
    Client(#[from] teacher::TeacherError),
    /// The text is the client's, with the address in it.
    #[error("{0}")]
    Unreachable(String),
    #[error("the student's server broke off in the middle of its answer: {0}")]
    BrokeOff(String),
    #[error("the student's server did not answer within {0:?} (student.remote.timeout_s)")]
    Late(Duration),
    /// It answered with an error of its own.
    #[error("the student's server answered {status} to {path}: {said}")]
    Refused { status: u16, path: &'static str, said: String },
    #[error("the student's server answered {path} with something that is not understood: {problem}")]
    NotUnderstood { path: &'static str, problem: String },
    #[error(
        "the student's server serves {served}, and not `{model}`: set student.remote.model to the base's name there"
    )]
    OtherModel { model: String, served: String },
    #[error(
        "the student's server has no /v1/load_lora_adapter: start vLLM with --enable-lora and with VLLM_ALLOW_RUNTIME_LORA_UPDATING=True in its environment"
    )]
    NoRuntimeLoading,
    #[error(
        "the adapter {} does not lie below {}, the folder that student.remote.path_prefix says where it is on the server",
        adapter.display(), folder.display()
    )]
    OutsideFolder { adapter: PathBuf, folder: PathBuf },
    #[error(
        "llama.cpp's server lists no adapter with `{hash}` in its file's name (it lists {listed}), and adapters cannot be pushed to it while it runs: \
         convert {} with llama.cpp's convert_lora_to_gguf.py and start the server with `--lora {hash}.gguf --lora-init-without-apply` besides its other adapters",
        adapter.display()
    )]
    NotListed { hash: String, adapter: PathBuf, listed: String },
    #[error(
        "the student's server gives no log-probabilities of its answer's tokens (`logprobs`): without them nothing says how sure the student is, and nothing can be handed over to it"
    )]
    NoLogprobs,
    #[error("the student's server gave no plain answer: finish_reason {0:?}")]
    NotPlain(Option<String>),
    #[error("the thread of the student's server cannot be started: {0}")]
    Thread(#[source] std::io::Error),
    #[error("the thread of the student's server has ended")]
    Ended,
}
