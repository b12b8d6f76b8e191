// Points in time as BIRD prints them, in the machine's own time zone: date and time (`timeformat …
// iso long`), or, in its default format, the time alone for what is younger than a day and the date
// alone for what is older. Only differences to what BIRD says is now are of use. Pure.

/** `2026-11-22 05:40:22.810`, `05:40:22.810` or `2026-11-22`. */
const TIME = /^(?:(\d{4})-(\d\d)-(\d\d))?(?: ?(\d\d):(\d\d):(\d\d(?:\.\d{1,6})?))?$/;

const DAY_SECONDS = 86_400;

type Moment = { readonly daySeconds: number | undefined; readonly seconds: number | undefined };

/** How long ago; undefined where the texts do not tell. */
export function secondsSince(since: string, now: string): number | undefined {
  const [then, today] = [parseMoment(since), parseMoment(now)];
  if (then === undefined || today?.daySeconds === undefined || today.seconds === undefined) {
    return undefined;
  }
  if (then.daySeconds === undefined) {
    // Younger than a day: of two times of day, the one that has been.
    const difference = today.seconds - (then.seconds ?? 0);
    return difference < 0 ? difference + DAY_SECONDS : difference;
  }
  const nowSeconds = today.daySeconds + today.seconds;
  return Math.max(0, nowSeconds - then.daySeconds - (then.seconds ?? 0));
}

function parseMoment(text: string): Moment | undefined {
  const match = TIME.exec(text);
  if (match === null || text === '') return undefined;
  const [, year, month, day, hours, minutes, seconds] = match;
  return {
    daySeconds:
      year === undefined
        ? undefined
        : Date.UTC(Number(year), Number(month) - 1, Number(day)) / 1000,
    seconds:
      hours === undefined
        ? undefined
        : Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds),
  };
}
