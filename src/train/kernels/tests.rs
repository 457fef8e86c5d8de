//! Every kernel and its derivative against candle's autograd over composed operations, in f64.

use candle_core::{D, DType, Device, Result, Tensor, Var};

use super::*;

const EPS: f64 = 1e-6;

fn random(shape: &[usize], seed: u64) -> Tensor {
    use rand::RngExt;
    use rand_chacha::rand_core::SeedableRng;
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f64> = (0..shape.iter().product()).map(|_| rng.random::<f64>() * 4.0 - 2.0).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn gain(n: usize) -> Vec<f64> {
    random(&[n], 99).to_vec1().unwrap()
}

fn assert_close(what: &str, ours: &Tensor, theirs: &Tensor) {
    let error = (ours - theirs.reshape(ours.shape()).unwrap()).unwrap().abs().unwrap().max_all().unwrap();
    let error = error.to_scalar::<f64>().unwrap();
    assert!(error < 1e-9, "{what}: {error:.2e}");
}

/// The gradient by `x` of `sum(f(x) * dy)`, by autograd.
fn autograd(x: &Tensor, dy: &Tensor, f: impl Fn(&Tensor) -> Result<Tensor>) -> (Tensor, Tensor) {
    let x = Var::from_tensor(x).unwrap();
    let y = f(x.as_tensor()).unwrap();
    let loss = (&y * dy.reshape(y.shape()).unwrap()).unwrap().sum_all().unwrap();
    (y.detach(), loss.backward().unwrap().get(&x).unwrap().clone())
}

fn composed_norm(x: &Tensor, gain: &[f64]) -> Result<Tensor> {
    let gain = Tensor::from_slice(gain, gain.len(), &Device::Cpu)?;
    let rms = (x.sqr()?.mean_keepdim(D::Minus1)? + EPS)?.sqrt()?;
    x.broadcast_div(&rms)?.broadcast_mul(&gain)
}

#[test]
fn rms_norm_equals_its_composition() {
    let (x, residual, dy, gain) = (random(&[5, 20], 1), random(&[5, 20], 2), random(&[5, 20], 3), gain(20));
    let (y, dx) = autograd(&x, &dy, |x| composed_norm(x, &gain));
    assert_close("value", &rms_norm(&x, &gain, EPS, None).unwrap(), &y);
    assert_close("with residual", &rms_norm(&x, &gain, EPS, Some(&residual)).unwrap(), &(y + &residual).unwrap());
    assert_close("derivative", &rms_norm_backward(&x, &gain, EPS, &dy, None).unwrap(), &dx);
    let with = rms_norm_backward(&x, &gain, EPS, &dy, Some(&residual)).unwrap();
    assert_close("derivative with sum", &with, &(dx + &residual).unwrap());
}

#[test]
fn norm_and_rotation_equal_their_composition_at_any_position() {
    let (heads, width, theta, scale) = (3, 8, 100.0, 0.7);
    let (x, dy, gain) = (random(&[7, 24], 4), random(&[3, 7, 8], 5), gain(8));
    let rope = Rope::new(theta, width, 12);
    for position in [0u32, 5] {
        let at = position..position + 7;
        let angles: Vec<f64> = at.flat_map(|t| (0..4).map(move |i| f64::from(t) * theta_power(theta, i))).collect();
        let angles = Tensor::from_vec(angles, (7, 4), &Device::Cpu).unwrap();
        let (y, dx) = autograd(&x, &dy, |x| {
            let x = composed_norm(&x.reshape((1, 7, heads, width))?, &gain)?.transpose(1, 2)?.contiguous()?;
            candle_nn::rotary_emb::rope_slow(&x, &angles.cos()?, &angles.sin()?)? * scale
        });
        let position = position as usize;
        assert_close("value", &norm_rope(&x, &gain, EPS, &rope, position, scale).unwrap(), &y);
        let ours = norm_rope_backward(&x, &gain, EPS, &rope, (position, scale), &dy).unwrap();
        assert_close("derivative", &ours, &dx);
    }
}

fn theta_power(theta: f64, i: usize) -> f64 {
    1.0 / theta.powf(i as f64 / 4.0)
}

#[test]
fn masked_softmax_equals_its_composition_inside_and_outside_the_window() {
    let (group, kv) = (2usize, 3usize);
    // As many keys as queries, and keys that come before all of them.
    for (t, keys) in [(9usize, 9usize), (4, 9)] {
        let (scores, dp) = (random(&[kv, group * t, keys], 6), random(&[kv, group * t, keys], 7));
        for window in [1, 4, 9, usize::MAX] {
            // transformers: a key is visible if it is not later and less than `window` away.
            let mask: Vec<f64> = (0..group * t)
                .flat_map(|row| (0..keys).map(move |j| (keys - t + row % t, j)))
                .map(|(i, j)| if j <= i && i - j < window { 0.0 } else { f64::NEG_INFINITY })
                .collect();
            let mask = Tensor::from_vec(mask, (1, group * t, keys), &Device::Cpu).unwrap();
            let (p, ds) = autograd(&scores, &dp, |s| candle_nn::ops::softmax(&s.broadcast_add(&mask)?, D::Minus1));
            let ours = masked_softmax::<f64>(&scores, t, window).unwrap();
            assert_close("value", &ours, &p);
            assert_close("derivative", &masked_softmax_backward::<f64>(&ours, &dp, t, window).unwrap(), &ds);
        }
    }
}

/// Not candle's own `gelu`: its derivative has constants of six digits.
fn composed_gelu(x: &Tensor) -> Result<Tensor> {
    let inner = ((x + (x.powf(3.0)? * 0.044715)?)? * (2.0 / std::f64::consts::PI).sqrt())?;
    (x * (inner.tanh()? + 1.0)?)? * 0.5
}

#[test]
fn geglu_equals_its_composition() {
    let (gate, up, dz) = (random(&[700, 12], 8), random(&[700, 12], 9), random(&[700, 12], 10));
    let (z, d_gate) = autograd(&gate, &dz, |g| composed_gelu(g)? * &up);
    let (_, d_up) = autograd(&up, &dz, |u| composed_gelu(&gate)? * u);
    assert_close("value", &geglu::<f64>(&gate, &up).unwrap(), &z);
    let ours = geglu_backward::<f64>(&gate, &up, &dz).unwrap();
    assert_close("derivative by the gate", &ours.0, &d_gate);
    assert_close("derivative by the other", &ours.1, &d_up);
}

#[test]
fn gathering_and_scattering_are_each_others_derivative() {
    let x = random(&[6, 3], 11);
    let rows = [4u32, 0, 4];
    let ids = Tensor::new(&rows, &Device::Cpu).unwrap();
    let dy = random(&[3, 3], 12);
    let (y, dx) = autograd(&x, &dy, |x| x.index_select(&ids, 0));
    assert_close("value", &gather_rows::<f64>(&x, &rows).unwrap(), &y);
    assert_close("derivative", &scatter_rows::<f64>(&dy, &rows, 6).unwrap(), &dx);
    assert!(gather_rows::<f64>(&x, &[6]).is_err() && scatter_rows::<f64>(&dy, &[6, 0, 0], 6).is_err());
}

#[test]
fn a_tensor_that_is_no_plain_block_is_refused() {
    let x = random(&[3, 4], 13);
    assert!(view::<f64>(&x.t().unwrap()).is_err());
    assert!(view::<f64>(&x.to_dtype(DType::F32).unwrap()).is_err());
}
