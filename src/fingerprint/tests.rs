mod corpora;
mod editing;
mod finding;
mod hostile;
mod reading;
