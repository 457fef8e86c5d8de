//! How the table of metrics becomes fields, typed accessors and a reference: one macro, two handles.
//!
//! An accessor takes one argument for each label, so that a wrong number of label values does not compile.

use prometheus::core::Collector;
use prometheus::{Error, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

/// One gauge of a family, named by its label values.
#[derive(Debug)]
pub struct GaugeCell<'a, const LABELS: usize> {
    pub(crate) family: &'a GaugeVec,
    pub(crate) values: [&'a str; LABELS],
}

impl<const LABELS: usize> GaugeCell<'_, LABELS> {
    pub fn set(&self, value: f64) {
        self.family.with_label_values(&self.values).set(value);
    }

    /// Sets the value; `None` removes the sample: a number that is not known is not exposed.
    pub fn set_or_remove(&self, value: Option<f64>) {
        match value {
            Some(value) => self.set(value),
            // It may never have been there.
            None => self.family.remove_label_values(&self.values).unwrap_or_default(),
        }
    }

    pub fn add(&self, by: f64) {
        self.family.with_label_values(&self.values).add(by);
    }

    /// What it stands at; 0 before it was set.
    #[must_use]
    pub fn get(&self) -> f64 {
        self.family.with_label_values(&self.values).get()
    }
}

/// A row of the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Described {
    /// Without the prefix `apprentice_`, which all have but those that OpenTelemetry has named.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

impl Described {
    /// As it is exposed.
    #[must_use]
    pub fn full_name(&self) -> String {
        if self.name.starts_with("gen_ai_") { self.name.to_owned() } else { format!("apprentice_{}", self.name) }
    }
}

fn registered<M: Collector + Clone + 'static>(registry: &Registry, metric: M) -> Result<M, Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

pub(crate) fn counter(registry: &Registry, row: &Described, _: &[f64]) -> Result<IntCounterVec, Error> {
    registered(registry, IntCounterVec::new(Opts::new(row.full_name(), row.help), row.labels)?)
}

pub(crate) fn gauge(registry: &Registry, row: &Described, _: &[f64]) -> Result<GaugeVec, Error> {
    registered(registry, GaugeVec::new(Opts::new(row.full_name(), row.help), row.labels)?)
}

pub(crate) fn histogram(registry: &Registry, row: &Described, buckets: &[f64]) -> Result<HistogramVec, Error> {
    let options = HistogramOpts::new(row.full_name(), row.help).buckets(buckets.to_vec());
    registered(registry, HistogramVec::new(options, row.labels)?)
}

macro_rules! accessor {
    (counter $name:ident($($label:ident),*) $help:literal) => {
        #[doc = $help]
        #[must_use]
        pub fn $name(&self, $($label: &str),*) -> prometheus::IntCounter {
            self.$name.with_label_values(&[$($label),*] as &[&str])
        }
    };
    (histogram $name:ident($($label:ident),*) $help:literal) => {
        #[doc = $help]
        #[must_use]
        pub fn $name(&self, $($label: &str),*) -> prometheus::Histogram {
            self.$name.with_label_values(&[$($label),*] as &[&str])
        }
    };
    (gauge $name:ident($($label:ident),*) $help:literal) => {
        #[doc = $help]
        #[must_use]
        pub fn $name<'a>(&'a self, $($label: &'a str),*) -> $crate::families::GaugeCell<'a, { <[&str]>::len(&[$(stringify!($label)),*]) }> {
            $crate::families::GaugeCell { family: &self.$name, values: [$($label),*] }
        }
    };
}

macro_rules! family_type {
    (counter) => {
        prometheus::IntCounterVec
    };
    (gauge) => {
        prometheus::GaugeVec
    };
    (histogram) => {
        prometheus::HistogramVec
    };
}

macro_rules! families {
    ($($kind:ident $name:ident($($label:ident),*) $([$buckets:ident])? $help:literal;)*) => {
        /// Every metric; shared behind an `Arc`.
        #[derive(Debug)]
        pub struct Metrics {
            registry: prometheus::Registry,
            models: $crate::names::Names,
            traffic: $crate::traffic::Traffic,
            $($name: $crate::families::family_type!($kind),)*
        }

        /// Every metric in the order of the table.
        pub const REFERENCE: &[$crate::families::Described] = &[$($crate::families::Described {
            name: stringify!($name),
            kind: stringify!($kind),
            labels: &[$(stringify!($label)),*],
            help: $help,
        }),*];

        impl Metrics {
            /// Registers every metric.
            ///
            /// # Errors
            /// A name or label that the library refuses, which is a mistake in the table.
            pub fn new() -> Result<Self, prometheus::Error> {
                let registry = prometheus::Registry::new();
                let mut rows = REFERENCE.iter();
                $(
                    let row = rows.next().ok_or(prometheus::Error::AlreadyReg)?;
                    let buckets: &[f64] = &[];
                    $(let buckets = if buckets.is_empty() { $buckets } else { buckets };)?
                    let $name = $crate::families::$kind(&registry, row, buckets)?;
                )*
                Ok(Self { registry, models: Default::default(), traffic: Default::default(), $($name),* })
            }

            $($crate::families::accessor! { $kind $name($($label),*) $help })*
        }
    };
}

pub(crate) use {accessor, families, family_type};
