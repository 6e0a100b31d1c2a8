// A vocoder's ONNX file as the exporter seals it: its card, whether it is whole, and its optional inputs.
//
// The file is a protocol buffer: a model, then a card and a SHA-256 of all before it, both as metadata. An optional
// input is one that has an initializer too; onnxruntime-web cannot be given such inputs, so they are made required
// and their defaults handed out.

import { UserError } from './errors.js';

const KEY = 'espnet2_nhv';
const SEAL = 'espnet2_nhv_sha256';
const FORMAT = 1;
const LARGEST = 100e6; // bytes
const GRAPH = 7, METADATA = 14; // of a model
const INITIALIZER = 5, INPUT = 11; // of a graph
const TYPES = { 1: ['float32', Float32Array], 7: ['int64', BigInt64Array], 11: ['float64', Float64Array] };
const text = new TextDecoder('utf-8', { fatal: true });

/** Number, wire type and extent of each field of a message; throws RangeError where it is cut short. */
function* fields(bytes) {
  let place = 0;
  const varint = () => {
    let value = 0, factor = 1;
    for (;;) {
      if (place >= bytes.length) throw new RangeError('cut short');
      const digit = bytes[place++];
      value += (digit & 127) * factor;
      if (digit < 128) return value;
      factor *= 128;
    }
  };
  while (place < bytes.length) {
    const start = place, tag = varint(), kind = tag & 7;
    let value = null;
    if (kind === 0) value = varint();
    else if (kind === 1 || kind === 5) place += kind === 1 ? 8 : 4;
    else if (kind === 2) {
      const size = varint();
      value = bytes.subarray(place, place + size);
      if (value.length < size) throw new RangeError('cut short');
      place += size;
    } else throw new RangeError('not a protocol buffer');
    yield { number: Math.floor(tag / 8), value, start, end: place };
  }
}

const first = (bytes, number) => {
  for (const field of fields(bytes)) if (field.number === number) return field.value;
  return null;
};

function varintBytes(value) {
  const digits = [];
  while (value > 127) {
    digits.push((value % 128) | 128);
    value = Math.floor(value / 128);
  }
  return Uint8Array.from([...digits, value]);
}

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}

/** A small tensor of a file: { name, type, dims, data }, or null where it is of a type no input has. */
function tensorOf(bytes) {
  let name = '', code = 0, raw = new Uint8Array(0);
  const dims = [];
  for (const { number, value } of fields(bytes)) {
    if (number === 1) {
      // Packed or one by one.
      if (typeof value === 'number') dims.push(value);
      else dims.push(...value);
    } else if (number === 2) code = value;
    else if (number === 8) name = text.decode(value);
    else if (number === 9) raw = value;
  }
  if (!(code in TYPES)) return null;
  const [type, Kind] = TYPES[code];
  return { name, type, dims, data: new Kind(raw.slice().buffer) };
}

/**
 * A model whose optional inputs are required, and their defaults: { bytes, defaults: Map of name to tensor }.
 * Inputs of `dropped` stay optional.
 */
export function withRequiredInputs(bytes, dropped = ['seed', 'white_noise']) {
  const parts = [], defaults = new Map();
  let from = 0;
  for (const model of fields(bytes)) {
    if (model.number !== GRAPH) continue;
    const inputs = new Set(), kept = [];
    for (const { number, value } of fields(model.value)) {
      if (number === INPUT) inputs.add(text.decode(first(value, 1)));
    }
    let begin = 0;
    for (const { number, value, start, end } of fields(model.value)) {
      if (number !== INITIALIZER) continue;
      const name = text.decode(first(value, 8));
      if (!inputs.has(name) || dropped.includes(name)) continue;
      const tensor = tensorOf(value);
      if (tensor === null) continue;
      defaults.set(name, tensor);
      kept.push(model.value.subarray(begin, start));
      begin = end;
    }
    kept.push(model.value.subarray(begin));
    const graph = joined(kept);
    parts.push(bytes.subarray(from, model.start), varintBytes(GRAPH * 8 + 2), varintBytes(graph.length), graph);
    from = model.end;
  }
  parts.push(bytes.subarray(from));
  return { bytes: joined(parts), defaults };
}

/** The card of a sealed file, which is made sure to be whole; `where` names it in what is thrown. */
export async function readCard(bytes, where) {
  if (bytes.length > LARGEST) {
    throw new UserError(`${where}: ${(bytes.length / 1e6).toFixed(0)} MB are too much for a page; at most 100 MB`);
  }
  const metadata = new Map();
  let sealed = 0;
  try {
    for (const { number, value, start } of fields(bytes)) {
      if (number !== METADATA) continue;
      const key = text.decode(first(value, 1) ?? new Uint8Array(0));
      metadata.set(key, text.decode(first(value, 2) ?? new Uint8Array(0)));
      if (key === SEAL) sealed = start;
    }
  } catch {
    metadata.clear();
  }
  if (!metadata.has(KEY) || !metadata.has(SEAL)) {
    throw new UserError(`${where}: not a vocoder exported by espnet2_nhv, or cut short: export it with ` +
      'python -m espnet2_nhv.bin.export');
  }
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes.subarray(0, sealed)));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  if (hex !== metadata.get(SEAL)) {
    throw new UserError(`${where}: altered or damaged since it was exported: export it again`);
  }
  return parseCard(metadata.get(KEY), where);
}

function parseCard(json, where) {
  let card;
  try {
    card = JSON.parse(json);
  } catch {
    card = null;
  }
  if (typeof card !== 'object' || card === null || typeof card.spec !== 'object') {
    throw new UserError(`${where}: its description is damaged: export the vocoder again`);
  }
  if (!Number.isInteger(card.format) || card.format > FORMAT) {
    throw new UserError(`${where}: written in format ${card.format}, this page reads up to ${FORMAT}`);
  }
  return card;
}

/** Refuse a card that is not a stream's. */
export function checkStream(card, where) {
  if (card.kind === 'onnx') {
    throw new UserError(`${where}: exported for whole utterances; this page needs the file NAME_stream.onnx beside it`);
  }
  if (card.kind !== 'onnx-stream') throw new UserError(`${where}: a file of kind ${card.kind}, not a vocoder's stream`);
}
