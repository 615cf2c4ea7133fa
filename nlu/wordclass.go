package nlu

import (
	"strings"
	"sync"
)

// wordClasses are words of a language that stand for one another: what an annotated Monday says holds for Tuesday, which a few
// examples of each intent do not show. They map the hash of a normalised word to a number from 1; nil when the language has none.
// The numbers are part of the model file.
func wordClasses(language string) map[uint64]uint64 {
	if language == "en" || strings.HasPrefix(language, "en_") || strings.HasPrefix(language, "en-") {
		return englishClasses()
	}
	return nil
}

var englishClasses = sync.OnceValue(func() map[uint64]uint64 {
	m := map[uint64]uint64{}
	for i, words := range []string{
		"monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun",
		"mondays tuesdays wednesdays thursdays fridays saturdays sundays weekdays weekends",
		"january february march april may june july august september october november december " +
			"jan feb mar apr jun jul aug sep sept oct nov dec",
		"today tomorrow yesterday tonight",
		"morning afternoon evening night noon midnight midday dawn dusk sunrise sunset mornings afternoons evenings nights",
		"one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen",
		"twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion",
		"first third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth " +
			"sixteenth seventeenth eighteenth nineteenth twentieth thirtieth 1st 2nd 3rd 4th 5th 6th 7th 8th 9th 10th 11th 12th 13th " +
			"14th 15th 16th 17th 18th 19th 20th 21st 22nd 23rd 24th 25th 26th 27th 28th 29th 30th 31st",
		"second minute hour day week month year decade century weekend quarter",
		"seconds minutes hours days weeks months years decades centuries mins hrs",
		"am pm a.m p.m o'clock oclock",
		"next last coming past following previous upcoming current",
		"daily weekly monthly yearly annually hourly everyday",
		"spring summer autumn fall winter",
		"christmas easter thanksgiving halloween",
		"breakfast lunch dinner brunch supper",
		"red green blue yellow orange purple pink black white brown gray grey violet",
		"mom dad mother father mum brother sister son daughter wife husband uncle aunt grandma grandpa friend friends cousin boss " +
			"parents kids",
		"dollar dollars euro euros pound pounds cent cents bucks yen usd eur gbp",
		"north south east west northern southern eastern western",
	} {
		for w := range strings.FieldsSeq(words) {
			m[mixHash(hashBytes(hashStart, []byte(w)))] = uint64(i + 1)
		}
	}
	return m
})
