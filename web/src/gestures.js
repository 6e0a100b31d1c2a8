// Mouse, pen, fingers and wheel on the picture: seek, select, draw, scroll, zoom.

const NEAR = 4; // pixels: less is a click

/**
 * @param view a View
 * @param page { seek(frame), select(from, to), stroke(point, point), strokeEnds(), isDrawing() }
 */
export function listenToPointers(view, page) {
  const { canvas } = view, pointers = new Map();
  let action = null, begin = null, last = null, pinch = null;

  const place = (event) => {
    const { left, top } = view.rect;
    return [event.clientX - left, event.clientY - top];
  };
  const point = ([x, y]) => [view.frameAt(x), view.hertzAt(y)];
  const twoFingers = () => {
    const [[x0], [x1]] = pointers.values();
    return { middle: (x0 + x1) / 2, distance: Math.max(20, Math.abs(x1 - x0)) };
  };

  canvas.addEventListener('pointerdown', (event) => {
    if (!view.song || event.button > 0) return;
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, place(event));
    if (pointers.size === 2) {
      if (action === 'draw') page.strokeEnds();
      action = 'pinch';
      pinch = { ...twoFingers(), frame: view.frameAt(twoFingers().middle), span: view.span };
      return;
    }
    if (pointers.size > 2) return;
    begin = last = place(event);
    action = page.isDrawing() && !view.isInWave(begin[1]) ? 'draw' : 'select';
    if (action === 'draw') page.stroke(point(begin), point(begin));
  });

  canvas.addEventListener('pointermove', (event) => {
    if (!pointers.has(event.pointerId)) return;
    pointers.set(event.pointerId, place(event));
    if (action === 'pinch' && pointers.size === 2) {
      const { middle, distance } = twoFingers();
      view.span = Math.min(Math.max((pinch.span * pinch.distance) / distance, 40), Math.max(40, view.song.nFrames));
      view.scroll(pinch.frame - (middle / view.rect.width) * view.span);
    } else if (action === 'draw') {
      // All that the mouse did since the last picture of the screen.
      for (const one of event.getCoalescedEvents?.() ?? [event]) {
        page.stroke(point(last), point(place(one)));
        last = place(one);
      }
    } else if (action === 'select') {
      last = place(event);
      if (Math.abs(last[0] - begin[0]) > NEAR) page.select(view.frameAt(begin[0]), view.frameAt(last[0]));
    }
  });

  const up = (event) => {
    if (!pointers.delete(event.pointerId) || pointers.size > 0) return;
    if (action === 'draw') page.strokeEnds();
    if (action === 'select' && Math.abs(last[0] - begin[0]) <= NEAR && event.type === 'pointerup') {
      page.select(0, 0);
      page.seek(view.frameAt(begin[0]));
    }
    action = null;
  };
  canvas.addEventListener('pointerup', up);
  canvas.addEventListener('pointercancel', up);

  canvas.addEventListener('wheel', (event) => {
    if (!view.song) return;
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) view.zoom(1.0015 ** event.deltaY, view.frameAt(place(event)[0]));
    else view.scroll(view.start + ((event.deltaX + event.deltaY) / view.rect.width) * view.span);
  }, { passive: false });
}

/** Keys, wherever the focus is but in a field that needs them itself; `keys` has what each does, given Shift. */
export function listenToKeys(keys, isReady) {
  document.addEventListener('keydown', (event) => {
    const { target, key } = event, control = event.ctrlKey || event.metaKey;
    const isField = target.matches('input, select, textarea'), isButton = target.matches('button, summary, a');
    if (event.altKey || (isField && !(control && 'zy'.includes(key.toLowerCase())))) return;
    if (isButton && (key === ' ' || key === 'Enter')) return;
    const name = control ? `Control+${key.toLowerCase()}${event.shiftKey ? '+Shift' : ''}` : key.length === 1 ? key.toLowerCase() : key;
    const act = keys[name];
    if (!act || !isReady()) return;
    event.preventDefault();
    act(event.shiftKey);
  });
}
