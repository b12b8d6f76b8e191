// How one machine's connection to the API is at a moment: everything that can be wrong with it, as
// numbers and switches. Fair weather is none of it.

export type Weather = {
  /** `refused`: the server is not there. `lost`: packets are, without a word. */
  reach: 'open' | 'refused' | 'lost';
  /** Longest time of one way. */
  latencyMs: number;
  /** How far the server that answers lists and watches is behind. */
  lagMs: number;
  /** Share of requests that are answered with 429, 500, 503, or 409 where that can be. */
  refusalRate: number;
  /** Share of requests whose answer is lost: done or not, the client cannot know. */
  lossRate: number;
  /** Every request is answered 401. */
  isUnauthorized: boolean;
  /** Share of watch events that are not sent, sent again with some before them, or cut off at. */
  skipRate: number;
  repeatRate: number;
  cutRate: number;
  /** Longest time that a watch event is late, beside the latency. */
  eventDelayMs: number;
};

/** A server that does not keep to its own rules: an old list, events left out or out of order. */
export const isMisleading = ({ lagMs, skipRate, repeatRate }: Weather): boolean =>
  lagMs > 0 || skipRate > 0 || repeatRate > 0;

export const isFair = (weather: Weather): boolean =>
  JSON.stringify(weather) === JSON.stringify(fairWeather());

export const fairWeather = (): Weather => ({
  reach: 'open',
  latencyMs: 5,
  lagMs: 0,
  refusalRate: 0,
  lossRate: 0,
  isUnauthorized: false,
  skipRate: 0,
  repeatRate: 0,
  cutRate: 0,
  eventDelayMs: 0,
});
