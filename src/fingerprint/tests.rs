mod corpora;
mod editing;
mod finding;
mod forgetting;
mod hostile;
mod reading;
