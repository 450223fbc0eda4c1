import { testStory } from "../testing/dashboard-story.ts";

testStory({ jobs: 100_000, failing: 3_000, rate: 500, name: "story-full" });
