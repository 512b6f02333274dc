// Measures the open page: what is wider than the screen, too faint to read, or has no label.
(() => {
  const numbers = (colour) => (colour.match(/[\d.]+/g) || []).map(Number);
  const channel = (value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  // Relative luminance and contrast as WCAG 2.2 defines them.
  const luminance = ([red, green, blue]) =>
    0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue);
  const contrast = (one, other) => {
    const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = numbers(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const named = (element) =>
    `${element.tagName.toLowerCase()}.${element.className.baseVal ?? element.className}: ` +
    element.textContent.trim().slice(0, 40);
  const own = (element) =>
    [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  const shown = (element) => element.getClientRects().length > 0;

  const texts = [...document.body.querySelectorAll("*")].filter((one) => shown(one) && own(one));
  const faint = texts.filter((one) => {
    const style = getComputedStyle(one);
    const large = parseFloat(style.fontSize) >= 24;
    return contrast(numbers(style.color).slice(0, 3), behind(one)) < (large ? 3 : 4.5);
  });
  const scrolls = (one) => one.closest("pre") !== null;
  const wide = [...document.body.querySelectorAll("*")].filter((one) => {
    const box = one.getBoundingClientRect();
    const aside = one.closest(".skip, thead, svg") !== null;
    return shown(one) && !aside && !scrolls(one) && box.right > innerWidth + 1;
  });
  const whole = document.documentElement.scrollWidth > innerWidth ? ["the page itself"] : [];
  const bare = [
    ...document.querySelectorAll("section:not([aria-labelledby]), nav:not([aria-label])"),
    ...document.querySelectorAll("svg:not([aria-hidden]):not([aria-label])"),
    ...[...document.querySelectorAll("table")].filter((one) => !one.querySelector("th")),
  ].filter((one) => one.closest("[aria-hidden]") === null);
  return {
    texts: texts.length,
    too_faint: faint.map(named),
    wider_than_the_screen: [...whole, ...wide.map(named)],
    unlabelled: bare.map(named),
  };
})()
