//! Loops compiled once more for the widest vector instructions that the processor has. They give the same bits as without.

#[cfg(target_arch = "x86_64")]
mod detected {
    use std::sync::LazyLock;

    use pulp::x86::{V3, V4};

    /// AVX-512, AVX2 with FMA, or what every processor has.
    enum Vectors {
        V4(V4),
        V3(V3),
        Plain,
    }

    static VECTORS: LazyLock<Vectors> = LazyLock::new(|| match (V4::try_new(), V3::try_new()) {
        (Some(v4), _) => Vectors::V4(v4),
        (None, Some(v3)) => Vectors::V3(v3),
        (None, None) => Vectors::Plain,
    });

    /// `f`, compiled for the widest vector instructions that this processor has; its loops give the same bits as without.
    #[inline(always)]
    pub fn vectorised<O>(f: impl FnOnce() -> O) -> O {
        match *VECTORS {
            Vectors::V4(v4) => v4.vectorize(f),
            Vectors::V3(v3) => v3.vectorize(f),
            Vectors::Plain => f(),
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub use detected::vectorised;

/// Elsewhere the base set of instructions has vectors already.
#[cfg(not(target_arch = "x86_64"))]
pub fn vectorised<O>(f: impl FnOnce() -> O) -> O {
    f()
}
