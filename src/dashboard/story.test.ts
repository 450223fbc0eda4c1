import { testStory } from "../testing/dashboard-story.ts";

testStory({ jobs: 3_000, failing: 300, rate: 100, name: "story" });
