mod corpora;
mod finding;
