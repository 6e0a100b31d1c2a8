// The page's modules against Python's numbers, which test_units.py writes; run by Node's own test runner.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import test from 'node:test';

const folder = process.env.NUMBERS;
const source = (name) => import(`../../web/src/${name}.js`);
const numbers = JSON.parse(fs.readFileSync(`${folder}/numbers.json`));

function close(got, wanted, tolerance) {
  assert.equal(got.length, wanted.length);
  wanted.forEach((x, i) => assert.ok(Math.abs(got[i] - x) <= tolerance, `${i}: ${got[i]} is not ${x}`));
}

// --- features

test('frames are cut and mirrored as Python does it', async () => {
  const { cutFrames } = await source('features');
  const { wav, spec, positions, frames } = numbers.frames;
  close(cutFrames(Float32Array.from(wav), spec, positions), frames.flat(), 1e-7);
});

test('bands lie where Python has them', async () => {
  const { bandCentres } = await source('features');
  for (const { spec, centres } of numbers.bands) close(bandCentres(spec), centres, 1e-6);
});

test('formants move as in copy_synthesis', async () => {
  const { bandCentres, shiftFormants } = await source('features');
  for (const { spec, mel, scale, shifted } of numbers.formants) {
    close(shiftFormants(Float32Array.from(mel.flat()), bandCentres(spec), scale), shifted.flat(), 2e-6);
  }
});

test('a curve between frames is linear in log F0, its ends held', async () => {
  const { curveAt } = await source('features');
  close(curveAt(Float32Array.of(100, 400, 400), [-1, 0, 0.5, 1, 1.7, 2, 9]), [100, 100, 200, 400, 400, 400, 400], 1e-4);
});

// --- ring

test('what is put into the ring comes out, across its end', async () => {
  const { Ring } = await source('ring');
  const ring = new Ring(10), heard = [];
  let next = 0;
  for (let turn = 0; turn < 50; turn++) {
    const size = Math.min(turn % 7, 10 - ring.ahead);
    assert.ok(ring.put(next, Float32Array.from({ length: size }, () => next++)));
    const block = new Float32Array((turn * 3) % 5), n = ring.take(block);
    heard.push(...block.subarray(0, n));
    assert.ok(block.subarray(n).every((x) => x === 0));
  }
  assert.ok(heard.length > 80);
  assert.deepEqual(heard, heard.map((_, i) => i));
});

test('what is ahead can be replaced, what is played cannot', async () => {
  const { Ring } = await source('ring');
  const ring = new Ring(16), block = new Float32Array(4);
  ring.put(0, Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7));
  ring.take(block);
  assert.ok(ring.put(6, Float32Array.of(60, 70, 80)));
  assert.equal(ring.ahead, 5);
  ring.take(block);
  assert.deepEqual([...block], [4, 5, 60, 70]);
  assert.ok(ring.put(5, Float32Array.of(50, 61, 71, 81, 91))); // three of these come too late
  ring.take(block);
  assert.deepEqual([...block], [81, 91, 0, 0]);
  assert.throws(() => ring.put(11, Float32Array.of(1)), RangeError);
  assert.equal(ring.put(10, new Float32Array(17)), false); // more than it holds
  assert.equal(ring.ahead, 0);
});

// --- resampling and pitch

test('a tone keeps its level and phase at 16 kHz, and what is above 8 kHz goes', async () => {
  const { Resampler } = await source('resample');
  const resampler = new Resampler(44100, 16000);
  const tone = (f) => Float32Array.from({ length: 44100 }, (_, i) => Math.sin((2 * Math.PI * f * i) / 44100));
  const low = resampler.piece(tone(1000), 4000, 8000);
  close(low, Array.from({ length: 4000 }, (_, i) => Math.sin((2 * Math.PI * 1000 * (i + 4000)) / 16000)), 1e-3);
  const high = resampler.piece(tone(11000), 4000, 8000);
  assert.ok(Math.max(...high.map(Math.abs)) < 1e-3);
  // In pieces it is the same.
  close([...resampler.piece(tone(700), 100, 300)], [...resampler.piece(tone(700), 0, 300).subarray(100)], 1e-9);
});

test('F0 is refined to the cent, and left where it is another harmonic', async () => {
  const { refined, RATE } = await source('pitch');
  const range = { f0_floor: 50, f0_ceil: 1200 };
  for (const f0 of [82.4, 220.5, 911]) {
    const audio = Float32Array.from({ length: 4000 }, (_, n) => {
      return [1, 2, 3, 4].reduce((sum, k) => sum + Math.cos((2 * Math.PI * k * f0 * n) / RATE + k) / k, 0);
    });
    for (const cents of [-20, 5, 25]) {
      const got = refined(audio, 1987.3, f0 * 2 ** (cents / 1200), range);
      assert.ok(Math.abs(1200 * Math.log2(got / f0)) < 1, `${f0}: ${got}`);
    }
    const far = f0 * 2 ** (300 / 1200);
    assert.ok(Math.abs(refined(audio, 1987.3, far, range) / far - 1) < 0.02);
  }
});

test('F0 in pieces: unvoiced frames lie between their neighbours, and pieces do not show', async () => {
  const { PitchTrack } = await source('pitch');
  const spec = { fs: 16000, hop_length: 128, f0_floor: 50, f0_ceil: 1200 }, seconds = 6;
  const isVoiced = (t) => (t > 1 && t < 2) || t > 4.5;
  const wav = Float32Array.from({ length: 16000 * seconds }, (_, n) => {
    return isVoiced(n / 16000) ? Math.sin((2 * Math.PI * 200 * n) / 16000) : 0.01 * Math.sin(n * n);
  });
  // A tracker that hears 202 Hz where there is a voice.
  const detect = async (audio) => {
    const n = Math.max(1, Math.floor(audio.length / 256)), confidence = new Float32Array(n);
    for (let i = 0; i < n; i++) confidence[i] = Math.abs(audio[i * 256 + 128]) + Math.abs(audio[i * 256 + 147]) > 0.1 ? 0.9 : 0;
    return { pitch: new Float32Array(n).fill(202), confidence };
  };
  const track = async (piece) => {
    const one = new PitchTrack(detect, spec, wav);
    while (!one.isDone) await one.advance(piece);
    return one;
  };
  const [whole, pieces] = [await track(100), await track(0.5)];
  close(pieces.f0, whole.f0, 1e-3);
  assert.ok(whole.f0.every((f0) => Math.abs(f0 - 200) < 6)); // unvoiced ones too
  const off = whole.f0.filter((f0, i) => whole.voiced[i] && Math.abs(f0 - 200) > 0.2);
  assert.ok(off.length < 0.06 * whole.f0.length, `${off.length}`); // where the tone begins and ends
  assert.deepEqual(pieces.voiced, whole.voiced);
  const share = whole.voiced.reduce((sum, x) => sum + x, 0) / whole.voiced.length;
  assert.ok(Math.abs(share - 2.5 / 6) < 0.03, `${share}`);
});

// --- edits

test('edits go back and forth, and a knob moved in one go is one step', async () => {
  const { Edits } = await source('edits');
  const state = { key: 0, curve: null };
  const edits = new Edits((change, which) => {
    if (change.kind === 'knob') state.key = change[which];
    else state.curve = change[which];
  });
  edits.add({ kind: 'knob', name: 'key', before: 0, after: 1 }, 0);
  edits.add({ kind: 'knob', name: 'key', before: 1, after: 2 }, 100);
  edits.add({ kind: 'curve', from: 0, before: 'a', after: 'b' }, 200);
  assert.equal(edits.undo().kind, 'curve');
  assert.equal(state.curve, 'a');
  edits.undo();
  assert.equal(state.key, 0);
  assert.equal(edits.undo(), null);
  edits.redo();
  assert.equal(state.key, 2);
  edits.add({ kind: 'knob', name: 'key', before: 2, after: 5 }, 5000);
  assert.equal(edits.canRedo, false);
});

test('a drawn line is linear in log F0', async () => {
  const { line } = await source('edits');
  const [first, values] = line([4, 400], [0, 100]);
  assert.equal(first, 0);
  close(values, [100, 141.4214, 200, 282.8427, 400], 1e-3);
  assert.deepEqual(line([3, 220], [3, 220]), [3, Float32Array.of(220)]);
});

// --- files

test('a sealed file gives its card; a damaged or foreign one a sentence', async () => {
  const { checkStream, readCard } = await source('model-file');
  const { UserError } = await source('errors');
  const read = (name) => new Uint8Array(fs.readFileSync(`${folder}/${name}`));
  const stream = read('small_stream.onnx'), card = await readCard(stream, 'x');
  assert.equal(card.kind, 'onnx-stream');
  assert.equal(card.licence, 'CC0-1.0');
  checkStream(card, 'x');
  const whole = await readCard(read('small.onnx'), 'x');
  assert.throws(() => checkStream(whole, 'x'), /exported for whole utterances/);
  const altered = stream.slice();
  altered[5000] ^= 1;
  await assert.rejects(readCard(altered, 'x'), /altered or damaged/);
  for (const bytes of [stream.subarray(0, 9000), new Uint8Array(100), new TextEncoder().encode('<html>')]) {
    await assert.rejects(readCard(bytes, 'x'), (error) => error instanceof UserError && /not a vocoder/.test(error.message));
  }
});

test('optional inputs become required, with their defaults', async () => {
  const { withRequiredInputs } = await source('model-file');
  const { bytes, defaults } = withRequiredInputs(new Uint8Array(fs.readFileSync(`${folder}/small_stream.onnx`)));
  for (const [name, { type, dims }] of Object.entries(numbers.defaults)) {
    assert.equal(defaults.get(name).type, type);
    assert.deepEqual(defaults.get(name).dims, dims);
  }
  assert.equal(defaults.has('seed'), false);
  fs.writeFileSync(`${folder}/required.onnx`, bytes);
});

test('a wav file has the samples', async () => {
  const { pcm16, wavHeader } = await source('wav');
  const samples = Float32Array.of(0, 0.5, -0.5, 1, -1, 2);
  const file = Buffer.concat([Buffer.from(wavHeader(6, 44100)), Buffer.from(pcm16(samples))]);
  fs.writeFileSync(`${folder}/samples.wav`, file);
});
