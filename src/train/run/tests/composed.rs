//! Whole steps with the composed engine, and jobs that ask for a device.

use candle_core::DType;

use super::preferences::preference_job;
use super::*;
use crate::composed::{Composed, Place};
use crate::source::Files;

/// The run of `job`, its engine the composed one on the CPU.
fn composed(job: &TrainJob) -> Run {
    let mut run = Run::new(job).unwrap();
    let weights = Weights::load(&job.base).unwrap();
    let place = Place { device: candle_core::Device::Cpu, products: DType::F32 };
    let config = run.model.config().clone();
    run.model = Box::new(Composed::build::<f32>(config, 1024, place, &mut Files::new(&weights, None)).unwrap());
    run
}

#[test]
fn a_few_steps_are_those_of_the_other_engine() {
    for method in [JobMethod::Sft, JobMethod::Kto, JobMethod::Dpo] {
        let dir = tempfile::tempdir().unwrap();
        let mut job = match method {
            JobMethod::Sft => job(dir.path(), method, 4, 0),
            _ => preference_job(dir.path(), method, 4, 0),
        };
        job.arguments.micro_batch_tokens = Some(150);
        let losses = |mut run: Run| {
            run.measure_reference().unwrap();
            run.bind().unwrap();
            let rounds = run.plan_of_next().micro_batches;
            let losses: Vec<f64> = (0..4).map(|_| run.step().unwrap().0.loss).collect();
            (rounds, losses)
        };
        let ((_, ours), (_, theirs)) = (losses(composed(&job)), losses(Run::new(&job).unwrap()));
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert!((ours - theirs).abs() <= 1e-4 * theirs.abs(), "{method:?}: {ours}, on the CPU {theirs}");
        }
        assert!(theirs[0] != theirs[3], "{method:?}: nothing was learnt");
    }
}

#[test]
fn a_device_is_given_one_part_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut job = job(dir.path(), JobMethod::Sft, 1, 0);
    job.arguments.threads = 3;
    // Prompts with nothing in common.
    let text: String =
        ["lantern", "apple", "rope", "oil", "bread", "door"].map(|word| row(&word.repeat(9), 1) + "\n").concat();
    std::fs::write(&job.train, text).unwrap();
    let parts = |mut run: Run| run.plan_of_next().micro_batches;
    assert_eq!((parts(composed(&job)), parts(Run::new(&job).unwrap())), (1, 3));
}

#[cfg(not(feature = "cuda"))]
#[test]
fn a_build_without_cuda_refuses_a_job_for_it_before_anything_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut job = job(dir.path(), JobMethod::Sft, 1, 0);
    (job.arguments.device, job.base) = (jobs::Device::Cuda, dir.path().join("nowhere"));
    let message = run(&job, &mut |_| {}).unwrap_err().to_string();
    let expected = "arguments.device = \"cuda\", but this program was built without CUDA: build it with `--features \
                    apprentice/cuda`, which needs the CUDA toolkit, or set arguments.device = \"cpu\"";
    assert_eq!(message, expected);
}
